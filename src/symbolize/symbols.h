// SPDX-License-Identifier: Apache-2.0
/*
 * Symbols: what is known of the code of one ELF file: its functions, from symbol tables and the tables of Go; and if
 * wanted inlined calls, files and lines, from debug information, in whatever file that is.
 *
 * The file may be gone: then its debug information is enough, if that can be found by the build id.
 *
 * OUTSIDE; one thread for each.  Nothing in the files is trusted, except for what they call their functions.
 */
#ifndef CAIRN_SYMBOLIZE_SYMBOLS_H
#define CAIRN_SYMBOLIZE_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "symbolize/line.h"
#include "symbolize/search.h"

struct symbols;

enum symbols_extent {
	SYMBOLS_NAMES, // functions only; nothing is downloaded
	SYMBOLS_LINES, // all there is
};

// Open the file at path, as the caller sees it (below the root of the search if it was found there), if it has this
// build id: hexadecimal; "": none; NULL: not known, any file will do.  search and what it points to must outlive the
// symbols.  NULL, and why in error (without the path), if it is missing, another one, or not an ELF file for x86-64.
struct symbols *symbols_open(const char *path, const char *build_id, const struct symbols_search *search,
			     enum symbols_extent extent, struct error *error);
void symbols_close(struct symbols *symbols); // NULL: nothing to do

// Debug information was found, so lines and inlined calls are known where it covers the code.
bool symbols_has_lines(const struct symbols *symbols);

// Look up many offsets in the file at once.  Without it symbols_find_lines() does the work of a whole source file for
// each offset.  False: the debug information cannot be read, says error (without the path); from then on it is not used.
bool symbols_prepare(struct symbols *symbols, const uint64_t *file_offsets, size_t num_offsets, struct error *error);

// What is known of the code at an offset in the file: the number of lines, 0: nothing.  Strings live until
// symbols_close().
size_t symbols_find_lines(struct symbols *symbols, uint64_t file_offset, struct line lines[LINE_MAX_CALLS]);

// Only the name of the function that the code belongs to, as the linker knows it; NULL: none known.  Lives until
// symbols_close().
const char *symbols_find(const struct symbols *symbols, uint64_t file_offset);

#endif
