// SPDX-License-Identifier: Apache-2.0
// Verdict: what a store of classified blocks comes to.  OUTSIDE.
#include "leaks/verdict.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/sums.h"
#include "leaks/labels.h"

enum { OBJECTS, BYTES, NUM_TYPES }; // of the store

// The row of what is definitely lost of a head.
struct head {
	UT_hash_handle hh;
	int64_t number;
	struct entry *entry;
};

struct entry {
	UT_hash_handle hh;
	struct leak_row row; // of which errors are variances
	size_t number;       // in the order of the view
	uint32_t key[];      // kind, frames
};

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

static int64_t bytes_of(const struct leak_row *row)
{
	return row->kind == LEAK_DEFINITE ? sums_add(row->value.bytes, row->with.bytes) : row->value.bytes;
}

static int compare(const void *a, const void *b)
{
	const struct entry *left = *(struct entry *const *)a, *right = *(struct entry *const *)b;
	int64_t of_left = bytes_of(&left->row), of_right = bytes_of(&right->row);
	if (left->row.kind != right->row.kind)
		return left->row.kind < right->row.kind ? -1 : 1;
	if (of_left != of_right)
		return of_left > of_right ? -1 : 1;
	if (left->row.value.objects != right->row.value.objects)
		return left->row.value.objects > right->row.value.objects ? -1 : 1;
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
		make_errors(&verdict->rows[i].with);
		free(sorted[i]);
	}
	free(sorted);
}

static void add_stacks(struct verdict *verdict, const struct view *view, struct entry **table, struct head **heads)
{
	for (size_t i = 0; i < view->num_stacks; i++) {
		const struct view_stack *stack = &view->stacks[i];
		const struct leak_labels labels = leak_labels_of(view->store, stack->label_set);
		if (!stack->values[OBJECTS] && !stack->values[BYTES])
			continue;
		struct entry *entry = get_entry(table, stack, labels.kind);
		add(&entry->row.value, stack);
		add(&verdict->kinds[labels.kind], stack);
		if (labels.kind != LEAK_DEFINITE || !labels.head)
			continue;
		struct head *head = memory_get(1, sizeof(*head));
		head->number = labels.head;
		head->entry = entry;
		HASH_ADD(hh, *heads, number, sizeof(head->number), head);
	}
}

// What is lost with a head that has a row.
static void add_to_heads(const struct view *view, struct entry **table, struct head *heads)
{
	for (size_t i = 0; i < view->num_stacks; i++) {
		const struct view_stack *stack = &view->stacks[i];
		const struct leak_labels labels = leak_labels_of(view->store, stack->label_set);
		struct head *head = NULL;
		if (labels.kind == LEAK_INDIRECT && labels.head && (stack->values[OBJECTS] || stack->values[BYTES]))
			HASH_FIND(hh, heads, &labels.head, sizeof(labels.head), head);
		if (!head)
			continue;
		add(&head->entry->row.with, stack);
		add(&get_entry(table, stack, labels.kind)->row.with, stack);
	}
}

static double add_errors(double a, double b)
{
	return a < 0 ? b : b < 0 ? a : hypot(a, b);
}

struct leak_value verdict_add(const struct leak_value *a, const struct leak_value *b)
{
	return (struct leak_value){ sums_add(a->objects, b->objects), sums_add(a->bytes, b->bytes),
				    add_errors(a->objects_error, b->objects_error), add_errors(a->bytes_error, b->bytes_error) };
}

void verdict_init(struct verdict *verdict, const struct view *view)
{
	struct entry *table = NULL, *first;
	struct head *heads = NULL, *head, *next;
	*verdict = (struct verdict){ .is_estimate = view->store->period > 1 };
	if (view->num_types >= NUM_TYPES) {
		add_stacks(verdict, view, &table, &heads);
		add_to_heads(view, &table, heads);
	}
	HASH_ITER(hh, heads, head, next) {
		HASH_DEL(heads, head);
		free(head);
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
