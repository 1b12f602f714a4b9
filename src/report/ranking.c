// SPDX-License-Identifier: Apache-2.0
// Ranking: which frames of a view have most of the value that is asked for.  OUTSIDE.
#include "report/ranking.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/sums.h"

struct order {
	const struct view *view;
	enum ranking_order by;
};

static int compare(const void *a, const void *b, void *context)
{
	const struct ranking_row *left = a, *right = b;
	const struct order *order = context;
	uint64_t flat_left = sums_size(left->flat), flat_right = sums_size(right->flat);
	uint64_t cum_left = sums_size(left->cum), cum_right = sums_size(right->cum);
	int by_flat = (flat_left < flat_right) - (flat_left > flat_right);
	int by_cum = (cum_left < cum_right) - (cum_left > cum_right);
	if (by_flat || by_cum)
		return order->by == RANKING_FLAT ? (by_flat ? by_flat : by_cum) : (by_cum ? by_cum : by_flat);
	int by_name = strcmp(order->view->frames[left->frame].name, order->view->frames[right->frame].name);
	return by_name ? by_name : left->frame < right->frame ? -1 : left->frame > right->frame;
}

// Errors are variances until all is added.  seen tells the last stack that a frame was in.
static void add_stack(struct ranking_row *rows, size_t *seen, const struct view *view, size_t number)
{
	const struct view_stack *stack = &view->stacks[number - 1];
	int64_t value = view_value(view, stack, 0);
	double variance = stack->variances[view->type];
	for (uint32_t i = 0; i < stack->num_frames; i++) {
		struct ranking_row *row = &rows[stack->frames[i]];
		if (i == 0) {
			row->flat = sums_add(row->flat, value);
			row->flat_error += variance;
		}
		if (seen[stack->frames[i]] == number)
			continue;
		seen[stack->frames[i]] = number;
		row->cum = sums_add(row->cum, value);
		row->cum_error += variance;
	}
}

void ranking_init(struct ranking *ranking, const struct view *view, enum ranking_order order)
{
	struct ranking_row *rows = memory_get(view->num_frames, sizeof(*rows));
	size_t *seen = memory_get(view->num_frames, sizeof(*seen));
	uint32_t num_rows = 0;
	for (size_t i = 1; i <= view->num_stacks; i++)
		if (view_value(view, &view->stacks[i - 1], 0) != 0)
			add_stack(rows, seen, view, i);
	for (uint32_t i = 0; i < view->num_frames; i++) {
		if (!seen[i])
			continue;
		rows[num_rows] = rows[i];
		rows[num_rows].frame = i;
		rows[num_rows].flat_error = sums_error(rows[i].flat_error);
		rows[num_rows++].cum_error = sums_error(rows[i].cum_error);
	}
	free(seen);
	qsort_r(rows, num_rows, sizeof(*rows), compare, &(struct order){ view, order });
	*ranking = (struct ranking){ rows, num_rows };
}

void ranking_deinit(struct ranking *ranking)
{
	free(ranking->rows);
	*ranking = (struct ranking){ 0 };
}
