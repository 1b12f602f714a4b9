// SPDX-License-Identifier: Apache-2.0
/*
 * Line: what is known of one function call at an address of a file's code.
 *
 * An address is in several functions if calls were inlined: the innermost comes first, and the last is the one that has
 * code of its own.
 */
#ifndef CAIRN_SYMBOLIZE_LINE_H
#define CAIRN_SYMBOLIZE_LINE_H

#include <stdint.h>

#define LINE_MAX_CALLS 256 // at one address; what goes beyond is left out from the outside

struct line {
	const char *function;        // as the linker knows it; "": not known
	const char *file;            // of the code, as the compiler was told it (with its directory); "": not known
	int64_t line, column;        // of the code; 0: not known
	int64_t start_line;          // where the function is declared; 0: not known
};

#endif
