// SPDX-License-Identifier: Apache-2.0
/*
 * Debug files: those that belong to a binary: its separate debug information, what several of these share (dwz), and
 * the parts that the compiler has left beside its object files (split DWARF).
 *
 * Each is looked for under the root of the search, then on this machine, and only then downloaded.  A file counts only
 * if it has the build id that it must have; where there are none, the checksum of the debug link.
 *
 * OUTSIDE; one thread.
 */
#ifndef CAIRN_SYMBOLIZE_DEBUG_FILES_H
#define CAIRN_SYMBOLIZE_DEBUG_FILES_H

#include <stdbool.h>

#include "symbolize/elf_file.h"
#include "symbolize/search.h"

// The binary with a build id that is not where it was: DIRECTORY/.build-id/xx/yyyy, or downloaded.
bool debug_files_find_program(const char *build_id, const struct symbols_search *search, struct elf_file *found);

// The debug information of the binary with this build id ("": none).  binary tells of a debug link; NULL: the binary
// is not at hand.
bool debug_files_find(const char *build_id, const struct elf_file *binary, const struct symbols_search *search,
		      struct elf_file *found);

// What dwz has taken out of a file of debug information to share it with others.
bool debug_files_find_shared(const struct elf_file *debug, const struct symbols_search *search, struct elf_file *found);

// A file that is named in debug information, relative to a directory ("" or NULL: none) unless absolute.
bool debug_files_find_part(const char *directory, const char *name, const struct symbols_search *search,
			   struct elf_file *found);

#endif
