// SPDX-License-Identifier: Apache-2.0
/*
 * Verdict: what a store of classified blocks (inspection.h, rules.h) comes to.
 *
 * OUTSIDE; one thread.
 */
#ifndef CAIRN_LEAKS_VERDICT_H
#define CAIRN_LEAKS_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "leaks/kind.h"
#include "report/view.h"

struct leak_value {
	int64_t objects, bytes;
	double objects_error, bytes_error; // standard errors; below 0: exact, NAN: not known
};

struct leak_value verdict_add(const struct leak_value *a, const struct leak_value *b);

struct leak_row { // a stack, with what was lost there in one kind
	const uint32_t *frames; // leaf first: indices of view->frames
	uint32_t num_frames;
	enum leak_kind kind;
	struct leak_value value;
	struct leak_value with; // of a definite one: what is indirectly lost with it; of an indirect one: what of it has a head in another row
};

struct verdict {
	struct leak_value kinds[LEAK_NUM_KINDS];
	struct leak_row *rows; // by kind, then by bytes, what is lost with it included, the largest first
	size_t num_rows;
	bool is_estimate;
};

// The view is of a store with label "leak", not by lines unless they are to be shown, and must live as long.
void verdict_init(struct verdict *verdict, const struct view *view);
void verdict_deinit(struct verdict *verdict);

#endif
