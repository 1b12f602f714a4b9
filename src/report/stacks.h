// SPDX-License-Identifier: Apache-2.0
/*
 * Stacks: the stacks of a view without their labels, those that have most of the value that is asked for first.
 *
 * OUTSIDE; one thread.
 */
#ifndef CAIRN_REPORT_STACKS_H
#define CAIRN_REPORT_STACKS_H

#include "report/view.h"

struct stacks_row {
	const uint32_t *frames; // leaf first: indices of view->frames
	uint32_t num_frames;
	int64_t value;
	double error;  // standard error; below 0: exact, NAN: not known
	size_t number; // in the order of the profile
};

struct stacks {
	struct stacks_row *rows; // whose value is not 0, largest first (be it below 0)
	size_t num_rows;
};

// Of side 0.  The same view gives the same order.  The view must live as long.
void stacks_init(struct stacks *stacks, const struct view *view);
void stacks_deinit(struct stacks *stacks);

#endif
