// SPDX-License-Identifier: Apache-2.0
// Verdict: what a store of classified blocks comes to.  OUTSIDE.
#include "leaks/verdict.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "report/sums.h"

enum { OBJECTS, BYTES, NUM_TYPES }; // of the store

struct entry {
	UT_hash_handle hh;
	struct leak_row row; // of which errors are variances
	size_t number;       // in the order of the view
	uint32_t key[];      // kind, frames
};

static enum leak_kind kind_of(const struct view *view, const struct view_stack *stack)
{
	size_t num_labels;
	const struct profile_label *labels = store_get_labels(view->store, stack->label_set, &num_labels);
	for (size_t i = 0; i < num_labels; i++)
		for (int kind = 0; kind < LEAK_NUM_KINDS; kind++)
			if (strcmp(labels[i].key, LEAK_LABEL) == 0 && labels[i].string &&
			    strcmp(labels[i].string, leak_kind_names[kind]) == 0)
				return (enum leak_kind)kind;
	return LEAK_UNKNOWN;
}

static struct entry *get_entry(struct entry **table, const struct view_stack *stack, enum leak_kind kind)
{
	size_t key_bytes = (1 + stack->num_frames) * sizeof(*stack->frames);
	struct entry *found, *added = memory_get(1, sizeof(*added) + key_bytes);
	added->key[0] = kind;
	memcpy(added->key + 1, stack->frames, key_bytes - sizeof(*added->key));
	HASH_FIND(hh, *table, added->key, key_bytes, found);
	if (found) {
		free(added);
		return found;
	}
	added->row = (struct leak_row){ .frames = stack->frames, .num_frames = stack->num_frames, .kind = kind };
	added->number = HASH_COUNT(*table);
	HASH_ADD_KEYPTR(hh, *table, added->key, key_bytes, added);
	return added;
}

static void add(struct leak_value *sum, const struct view_stack *stack)
{
	sum->objects = sums_add(sum->objects, stack->values[OBJECTS]);
	sum->bytes = sums_add(sum->bytes, stack->values[BYTES]);
	sum->objects_error += stack->variances[OBJECTS];
	sum->bytes_error += stack->variances[BYTES];
}

static void make_errors(struct leak_value *value)
{
	value->objects_error = sums_error(value->objects_error);
	value->bytes_error = sums_error(value->bytes_error);
}

static int compare(const void *a, const void *b)
{
	const struct entry *left = *(struct entry *const *)a, *right = *(struct entry *const *)b;
	const struct leak_value *of_left = &left->row.value, *of_right = &right->row.value;
	if (left->row.kind != right->row.kind)
		return left->row.kind < right->row.kind ? -1 : 1;
	if (of_left->bytes != of_right->bytes)
		return of_left->bytes > of_right->bytes ? -1 : 1;
	if (of_left->objects != of_right->objects)
		return of_left->objects > of_right->objects ? -1 : 1;
	return left->number < right->number ? -1 : left->number > right->number;
}

static void take_rows(struct verdict *verdict, struct entry *entry, size_t num_entries)
{
	struct entry **sorted = memory_get(num_entries, sizeof(struct entry *));
	for (size_t i = 0; i < num_entries; i++, entry = entry->hh.next)
		sorted[i] = entry;
	qsort(sorted, num_entries, sizeof(*sorted), compare);
	verdict->rows = memory_get(num_entries, sizeof(*verdict->rows));
	verdict->num_rows = num_entries;
	for (size_t i = 0; i < num_entries; i++) {
		verdict->rows[i] = sorted[i]->row;
		make_errors(&verdict->rows[i].value);
		free(sorted[i]);
	}
	free(sorted);
}

void verdict_init(struct verdict *verdict, const struct view *view)
{
	struct entry *table = NULL, *first;
	*verdict = (struct verdict){ .is_estimate = view->store->period > 1 };
	for (size_t i = 0; i < view->num_stacks && view->num_types >= NUM_TYPES; i++) {
		const struct view_stack *stack = &view->stacks[i];
		enum leak_kind kind = kind_of(view, stack);
		if (!stack->values[OBJECTS] && !stack->values[BYTES])
			continue;
		add(&get_entry(&table, stack, kind)->row.value, stack);
		add(&verdict->kinds[kind], stack);
	}
	for (int kind = 0; kind < LEAK_NUM_KINDS; kind++)
		make_errors(&verdict->kinds[kind]);
	size_t num_entries = HASH_COUNT(table);
	first = table;
	HASH_CLEAR(hh, table); // leaves the elements and their chain
	take_rows(verdict, first, num_entries);
}

void verdict_deinit(struct verdict *verdict)
{
	free(verdict->rows);
	*verdict = (struct verdict){ 0 };
}
