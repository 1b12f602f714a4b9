// SPDX-License-Identifier: Apache-2.0
/*
 * Data: what a page shows, as JSON that can stand in a <script> whatever the names in it are.
 *
 *     about       title; sides (name, time_ms, duration_ms); types (name and unit), the number of the one shown first;
 *                 period and its type; filters, as they are shown; whole: totals of the whole profile, for each type of
 *                 each side
 *     strings     files and binaries, each once
 *     names, files, lines, binaries
 *                 for each frame: its name, the numbers of its file and binary in strings, its line or 0; in the order of
 *                 names
 *     depths, frames
 *                 for each node of the tree, in preorder; node 0 is the root, whose frame is -1
 *     stacks      the nodes where stacks end
 *     values, variances
 *                 for each type of each side, a number for each stack; variances are null where all are 0, and one
 *                 that is not known is null
 *
 * OUTSIDE; one thread.
 */
#ifndef CAIRN_FLAME_DATA_H
#define CAIRN_FLAME_DATA_H

#include <stdio.h>

#include "flame/tree.h"

struct flame_page {
	const struct view *view;
	const char *title;
	const char *const *side_names; // what the user called each side of the store
	const char *const *filters;    // "focus: parse"
	size_t num_filters;
};

// What cannot be written leaves its mark on the stream: ferror().
void flame_data_write(FILE *to, const struct flame_page *page, const struct flame_tree *tree);

#endif
