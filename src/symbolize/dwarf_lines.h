// SPDX-License-Identifier: Apache-2.0
/*
 * DWARF lines: functions, inlined calls, files and lines of addresses, from all debug information that belongs to a
 * binary: its own or a separate file, what dwz has taken out of that, and split DWARF.
 *
 * OUTSIDE; one thread.  libdw reads it, in a child process (symbolize/isolation.h): it is not made for files that lie.
 */
#ifndef CAIRN_SYMBOLIZE_DWARF_LINES_H
#define CAIRN_SYMBOLIZE_DWARF_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "symbolize/elf_file.h"
#include "symbolize/line.h"
#include "symbolize/search.h"

struct dwarf_lines;

struct dwarf_answer {
	struct line *lines; // innermost first; to be freed; the strings live until dwarf_lines_close()
	size_t num_lines;   // 0: nothing is known of the address
};

// The debug information in a file, which belongs to the program at a path.  File and search must outlive it.  NULL: the
// file has none.
struct dwarf_lines *dwarf_lines_open(struct elf_file *debug, const char *program, const struct symbols_search *search);
void dwarf_lines_close(struct dwarf_lines *lines); // NULL: nothing to do

// Answer for addresses, which are ascending and distinct.  What is needed of the debug information is read again each
// time, so ask for many at once.  False: it cannot be read, says error, and nothing is known of any address.
bool dwarf_lines_find(struct dwarf_lines *lines, const uint64_t *addresses, size_t num_addresses, struct dwarf_answer *answers,
		      struct error *error);

#endif
