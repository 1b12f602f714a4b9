// SPDX-License-Identifier: Apache-2.0
/*
 * View: the samples of a store as people want to see them: stacks of named frames, without what the profile says is
 * of no interest (drop_frames) and what the user does not ask for.
 *
 * A frame is a function, or a line of one if lines are asked for; an inlined function is a frame like any other.  Stacks
 * of equal frames and labels are one.
 *
 * OUTSIDE; one thread.  What comes out may hold any bytes: printable.h is for that.
 */
#ifndef CAIRN_REPORT_VIEW_H
#define CAIRN_REPORT_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "profile/store.h"
#include "report/frames.h"

struct view_request {
	const char *type;   // "inuse_space"; NULL: the profile's default
	const char *focus;  // only stacks with a function whose name matches (a part is enough); NULL: all
	const char *ignore; // no stacks with one that matches; NULL: none
	const char *hide;   // functions to leave out of stacks, so that their callers get what they have; NULL: none
	bool by_lines;
	bool keeps_dropped; // drop_frames are shown too
};

struct view_stack {
	const uint32_t *frames; // leaf first: indices of view->frames
	uint32_t num_frames;
	uint32_t label_set; // of the store
	const int64_t *values; // all types of all sides: values[side * view->num_types + type]
	const double *variances; // of these values; NAN: not known
};

struct view {
	const struct store *store;
	const struct profile_type *types; // those that all profiles share
	size_t num_types;
	size_t type; // the one that is asked for
	struct view_frame *frames;
	uint32_t num_frames;
	struct view_stack *stacks; // none of which all values are 0; in the order of the store
	size_t num_stacks;
	int64_t *totals; // of stacks, as view_stack.values
	double *variances;
	int64_t *whole_totals; // of the whole profile, with what focus and ignore leave out
	struct view_tables *tables; // of its own
};

// False if the profile has no such type (the error says which it has) or a pattern is none.  The store must live as long.
bool view_create(struct view **view, const struct store *store, const struct view_request *request, struct error *error);
void view_destroy(struct view *view); // NULL: nothing to do

// The value of the type that is asked for, and its standard error (below 0: exact; NAN: not known).
static inline int64_t view_value(const struct view *view, const struct view_stack *stack, uint32_t side)
{
	return stack->values[side * view->num_types + view->type];
}
double view_error(const struct view *view, const struct view_stack *stack, uint32_t side);
double view_total_error(const struct view *view, uint32_t side);

#endif
