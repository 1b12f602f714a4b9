// SPDX-License-Identifier: Apache-2.0
/*
 * Printable: strings of somebody else's (names of functions, files, programs), made harmless.
 *
 * OUTSIDE; any thread.  Whatever bytes a string has, no control character, no invalid UTF-8 and nothing
 * invisible comes out.
 */
#ifndef CAIRN_REPORT_PRINTABLE_H
#define CAIRN_REPORT_PRINTABLE_H

#include <stddef.h>

#include "base/text.h"

// For a terminal or a table, in the locale's characters: what it cannot show is "?" or U+FFFD.  Each character
// takes a column or two.
void printable_add(struct text *text, const char *string);

// The same in at most max_columns; "…" or "~" at the end of what was cut.
void printable_add_cut(struct text *text, const char *string, size_t max_columns);

// For a file: UTF-8 whatever the locale.
void printable_add_utf8(struct text *text, const char *string);

// What one of these functions makes of a string of any length; to be given back with free().
char *printable_create(const char *string, void (*add)(struct text *text, const char *string));

#endif
