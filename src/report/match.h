// SPDX-License-Identifier: Apache-2.0
/*
 * Match: a regular expression (PCRE2) that names of functions are compared with.
 *
 * OUTSIDE; one thread at a time.  Neither the pattern nor the names are trusted: time and memory of a comparison are
 * bounded, and where that is not enough the name does not match; if that happens often, none does any more.
 */
#ifndef CAIRN_REPORT_MATCH_H
#define CAIRN_REPORT_MATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define MATCH_MAX_NAME_BYTES 16384 // what lies behind is not looked at

struct match;

// what is what the user calls the pattern ("--focus"), for the error: where the pattern is wrong, and why.  is_whole: a
// name must match from its beginning to its end, else any part of it.
bool match_create(struct match **match, const char *what, const char *pattern, bool is_whole, struct error *error);
void match_destroy(struct match *match); // NULL: nothing to do

bool match_finds(struct match *match, const char *name, size_t length);

#endif
