// SPDX-License-Identifier: Apache-2.0
// Stacks: the stacks of a view without their labels.  OUTSIDE.
#include "report/stacks.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/sums.h"

struct entry {
	UT_hash_handle hh;
	struct stacks_row row; // of which error is a variance
};

static void add_stack(struct entry **table, const struct view *view, const struct view_stack *stack)
{
	struct entry *entry;
	size_t key_bytes = stack->num_frames * sizeof(*stack->frames);
	HASH_FIND(hh, *table, stack->frames, key_bytes, entry);
	if (!entry) {
		entry = memory_get(1, sizeof(*entry));
		entry->row = (struct stacks_row){ .frames = stack->frames, .num_frames = stack->num_frames };
		HASH_ADD_KEYPTR(hh, *table, stack->frames, key_bytes, entry);
	}
	entry->row.value = sums_add(entry->row.value, view_value(view, stack, 0));
	entry->row.error += stack->variances[view->type];
}

static int compare(const void *a, const void *b)
{
	const struct stacks_row *left = a, *right = b;
	uint64_t size_left = sums_size(left->value), size_right = sums_size(right->value);
	if (size_left != size_right)
		return size_left > size_right ? -1 : 1;
	return left->number < right->number ? -1 : left->number > right->number;
}

void stacks_init(struct stacks *stacks, const struct view *view)
{
	struct entry *table = NULL, *entry, *next;
	for (size_t i = 0; i < view->num_stacks; i++)
		if (view_value(view, &view->stacks[i], 0) != 0)
			add_stack(&table, view, &view->stacks[i]);
	*stacks = (struct stacks){ .rows = memory_get(HASH_COUNT(table), sizeof(*stacks->rows)) };
	entry = table;
	HASH_CLEAR(hh, table); // leaves the elements and their chain
	for (size_t number = 0; entry; entry = next, number++) {
		next = entry->hh.next;
		entry->row.number = number;
		entry->row.error = sums_error(entry->row.error);
		if (entry->row.value != 0) // values of different labels may have cancelled out
			stacks->rows[stacks->num_rows++] = entry->row;
		free(entry);
	}
	qsort(stacks->rows, stacks->num_rows, sizeof(*stacks->rows), compare);
}

void stacks_deinit(struct stacks *stacks)
{
	free(stacks->rows);
	*stacks = (struct stacks){ 0 };
}
