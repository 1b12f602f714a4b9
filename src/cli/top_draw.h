// SPDX-License-Identifier: Apache-2.0
/*
 * What `cairn top` draws on a terminal: the table, a site's stack, or the help, below a few lines on the whole.
 *
 * OUTSIDE; between ncurses' newterm() and endwin().
 */
#ifndef CAIRN_CLI_TOP_DRAW_H
#define CAIRN_CLI_TOP_DRAW_H

#include "cli/top_state.h"

enum top_mode { TOP_TABLE, TOP_STACK, TOP_HELP };

struct top_view {
	enum top_mode mode;
	uint32_t selected;  // row
	uint32_t first;     // row at the top of the table
	uint32_t first_line; // at the top of a stack or the help
	uint32_t site;      // whose stack is shown
	bool is_paused;
	bool is_typing;     // a filter is being entered
	char typed[256];
	char message[1200]; // "": none
};

// How many rows of the table, or lines of a stack, there is room for.
uint32_t top_draw_get_height(void);

// Draw all.  Numbers in the view that are beyond the end are set right.
void top_draw(const struct top *top, struct top_view *view);

#endif
