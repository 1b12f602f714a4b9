// SPDX-License-Identifier: Apache-2.0
// Growth: how much more each stack or function has on side 1 of a view than on side 0.  OUTSIDE.
#include "report/growth.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/sums.h"
#include "profile/heap.h"
#include "report/chance.h"

struct entry {
	UT_hash_handle hh;
	struct growth_row row;
};

int64_t growth_get(const struct growth_change *change)
{
	int64_t growth, old = change->values[0], new = change->values[1];
	return __builtin_sub_overflow(new, old, &growth) ? (old < 0 ? INT64_MAX : INT64_MIN) : growth;
}

double growth_get_error(const struct growth_change *change)
{
	return sums_error(change->variances[0] + change->variances[1]);
}

static struct growth_change change_of(const struct view *view, const int64_t *values, const double *variances)
{
	size_t old = view->type, new = view->num_types + view->type;
	return (struct growth_change){ { values[old], values[new] }, { variances[old], variances[new] } };
}

static bool is_something(const struct growth_change *change)
{
	return change->values[0] != 0 || change->values[1] != 0;
}

static void add(struct growth_change *sum, const struct growth_change *change)
{
	for (int side = 0; side < 2; side++) {
		sum->values[side] = sums_add(sum->values[side], change->values[side]);
		sum->variances[side] += change->variances[side];
	}
}

// What one sample of something small is worth (chance.h).  The type that is sampled says it itself; of what else a
// heap profile counts it follows from variance.h's N/(exp(s/period) - 1), and of a CPU profile's samples it is one.
static double worth_of(const struct view *view, const struct growth_change *change)
{
	const struct profile_type *type = &view->types[view->type], *sampled = &view->store->period_type;
	if (strcmp(type->unit, sampled->unit) == 0)
		return (double)view->store->period;
	if (strcmp(sampled->type, heap_period_type.type) != 0)
		return 1;
	double count = fabs((double)change->values[0]) + fabs((double)change->values[1]);
	return 1 / log1p(count / (change->variances[0] + change->variances[1]));
}

static double chance_of(const struct view *view, const struct growth_change *change)
{
	double variance = change->variances[0] + change->variances[1];
	if (isnan(variance))
		return NAN;
	return chance_of_difference((double)change->values[0], (double)change->values[1], variance,
				    variance > 0 ? worth_of(view, change) : 1);
}

static void add_stack(struct entry **table, const struct view_stack *stack, const struct growth_change *change)
{
	struct entry *entry;
	size_t key_bytes = stack->num_frames * sizeof(*stack->frames);
	HASH_FIND(hh, *table, stack->frames, key_bytes, entry);
	if (!entry) {
		entry = memory_get(1, sizeof(*entry));
		entry->row = (struct growth_row){ .frames = stack->frames, .num_frames = stack->num_frames };
		HASH_ADD_KEYPTR(hh, *table, stack->frames, key_bytes, entry);
	}
	add(&entry->row.change, change);
}

static void collect_stacks(struct growth *growth, const struct view *view)
{
	struct entry *table = NULL, *entry, *next;
	for (size_t i = 0; i < view->num_stacks; i++) {
		const struct view_stack *stack = &view->stacks[i];
		const struct growth_change change = change_of(view, stack->values, stack->variances);
		add_stack(&table, stack, &change);
	}
	growth->rows = memory_get(HASH_COUNT(table), sizeof(*growth->rows));
	entry = table;
	HASH_CLEAR(hh, table); // leaves the elements and their chain
	for (; entry; entry = next) {
		next = entry->hh.next;
		if (is_something(&entry->row.change))
			growth->rows[growth->num_rows++] = entry->row;
		free(entry);
	}
}

// The change of each frame.
static struct growth_change *sum_frames(const struct view *view, bool with_callees)
{
	struct growth_change *changes = memory_get(view->num_frames, sizeof(*changes));
	size_t *counted = memory_get(view->num_frames, sizeof(*counted)); // the last stack that was: its number from 1
	for (size_t i = 0; i < view->num_stacks; i++) {
		const struct view_stack *stack = &view->stacks[i];
		const struct growth_change change = change_of(view, stack->values, stack->variances);
		for (uint32_t j = 0; j < stack->num_frames && (j == 0 || with_callees); j++) {
			if (counted[stack->frames[j]] == i + 1)
				continue;
			counted[stack->frames[j]] = i + 1;
			add(&changes[stack->frames[j]], &change);
		}
	}
	free(counted);
	return changes;
}

static void collect_frames(struct growth *growth, const struct view *view, bool with_callees)
{
	struct growth_change *changes = sum_frames(view, with_callees);
	growth->rows = memory_get(view->num_frames, sizeof(*growth->rows));
	growth->frames = memory_get(view->num_frames, sizeof(*growth->frames));
	for (uint32_t i = 0; i < view->num_frames; i++) {
		growth->frames[i] = i;
		if (is_something(&changes[i]))
			growth->rows[growth->num_rows++] = (struct growth_row){
				.frames = &growth->frames[i], .num_frames = 1, .change = changes[i] };
	}
	free(changes);
}

static int compare_numbers(const struct growth_row *left, const struct growth_row *right)
{
	return left->number < right->number ? -1 : left->number > right->number;
}

// Least likely first, what is not known last.
static int compare_chances(const void *a, const void *b)
{
	const struct growth_row *left = a, *right = b;
	if (isnan(left->chance) != isnan(right->chance))
		return isnan(left->chance) ? 1 : -1;
	if (left->chance != right->chance && !isnan(left->chance))
		return left->chance < right->chance ? -1 : 1;
	return compare_numbers(left, right);
}

static int compare_sizes(const void *a, const void *b)
{
	const struct growth_row *left = a, *right = b;
	uint64_t size_left = sums_size(growth_get(&left->change)), size_right = sums_size(growth_get(&right->change));
	if (left->is_significant != right->is_significant)
		return left->is_significant ? -1 : 1;
	if (size_left != size_right)
		return size_left > size_right ? -1 : 1;
	return compare_numbers(left, right);
}

// S. Holm, A simple sequentially rejective multiple test procedure (1979): the least likely of m must be below 1/m of what
// is allowed, the next one below 1/(m - 1), and so on, until one is not.
static void judge(struct growth *growth, double confidence)
{
	size_t num_tests = 0, i = 0;
	qsort(growth->rows, growth->num_rows, sizeof(*growth->rows), compare_chances);
	while (num_tests < growth->num_rows && !isnan(growth->rows[num_tests].chance))
		num_tests++;
	for (; i < num_tests && growth->rows[i].chance <= (1 - confidence) / (double)(num_tests - i); i++)
		growth->rows[i].is_significant = true;
	for (i = num_tests; i < growth->num_rows; i++)
		growth->rows[i].is_significant = growth_get(&growth->rows[i].change) != 0;
	qsort(growth->rows, growth->num_rows, sizeof(*growth->rows), compare_sizes);
}

void growth_init(struct growth *growth, const struct view *view, enum growth_subject subject, double confidence)
{
	*growth = (struct growth){ .total = change_of(view, view->totals, view->variances) };
	growth->total_chance = chance_of(view, &growth->total);
	if (subject == GROWTH_OF_STACKS)
		collect_stacks(growth, view);
	else
		collect_frames(growth, view, subject == GROWTH_OF_CUM);
	for (size_t i = 0; i < growth->num_rows; i++) {
		growth->rows[i].number = i;
		growth->rows[i].chance = chance_of(view, &growth->rows[i].change);
	}
	judge(growth, confidence);
	while (growth->num_significant < growth->num_rows && growth->rows[growth->num_significant].is_significant)
		growth->num_significant++;
	for (size_t i = growth->num_significant; i < growth->num_rows && subject != GROWTH_OF_CUM; i++)
		add(&growth->rest, &growth->rows[i].change);
}

void growth_deinit(struct growth *growth)
{
	free(growth->rows);
	free(growth->frames);
	*growth = (struct growth){ 0 };
}
