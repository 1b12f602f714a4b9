// SPDX-License-Identifier: Apache-2.0
/*
 * Folded: stacks as lines "main;parse;read 12345", root first, which flamegraph.pl, inferno and speedscope draw.
 *
 * OUTSIDE.
 */
#ifndef CAIRN_REPORT_FOLDED_H
#define CAIRN_REPORT_FOLDED_H

#include <stdio.h>

#include "report/stacks.h"

// A line for each stack.  Semicolons in names become colons; control characters and what is not UTF-8 become U+FFFD.
// Whether all could be written is told by ferror().
void folded_write(FILE *to, const struct view *view, const struct stacks *stacks);

#endif
