// SPDX-License-Identifier: Apache-2.0
// By label: the value that is asked for, told apart by the values of one label.  OUTSIDE.
#include "report/by_label.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/sums.h"
#include "base/text.h"

// Strings are the store's, so equal ones have equal addresses.
struct label_value {
	const char *string, *unit;
	int64_t number;
};

struct entry {
	UT_hash_handle hh;
	struct label_value key;
	struct by_label_row row; // of which error is a variance
	size_t last_stack;       // number from 1 of the last one that counted
};

struct key {
	UT_hash_handle hh;
	const char *name;
};

static void add(struct entry **table, const struct label_value *value, bool has_label, const struct view *view, size_t number)
{
	const struct view_stack *stack = &view->stacks[number - 1];
	struct entry *entry;
	HASH_FIND(hh, *table, value, sizeof(*value), entry);
	if (!entry) {
		entry = memory_get(1, sizeof(*entry));
		entry->key = *value;
		entry->row = (struct by_label_row){
			.has_label = has_label, .string = value->string, .number = value->number, .unit = value->unit };
		HASH_ADD(hh, *table, key, sizeof(entry->key), entry);
	}
	if (entry->last_stack == number) // one label twice
		return;
	entry->last_stack = number;
	entry->row.value = sums_add(entry->row.value, view_value(view, stack, 0));
	entry->row.error += stack->variances[view->type];
}

// True if the stack has the label.
static bool add_stack(struct entry **table, const struct view *view, size_t number, const char *key)
{
	static const struct label_value none;
	size_t num_labels;
	const struct profile_label *labels = store_get_labels(view->store, view->stacks[number - 1].label_set, &num_labels);
	bool has_label = false;
	for (size_t i = 0; i < num_labels; i++) {
		if (strcmp(labels[i].key, key) != 0)
			continue;
		add(table, &(struct label_value){ labels[i].string, labels[i].unit, labels[i].number }, true, view, number);
		has_label = true;
	}
	if (!has_label)
		add(table, &none, false, view, number);
	return has_label;
}

static int compare_keys(const struct key *left, const struct key *right)
{
	return strcmp(left->name, right->name);
}

static void add_key(struct key **table, const char *name)
{
	struct key *key;
	HASH_FIND_PTR(*table, &name, key);
	if (key)
		return;
	key = memory_get(1, sizeof(*key));
	key->name = name;
	HASH_ADD_PTR(*table, name, key);
}

static bool fail(const struct view *view, const char *what, const char *wanted, struct error *error)
{
	struct key *table = NULL, *key, *next;
	char storage[600];
	struct text names = TEXT_ON(storage);
	for (size_t i = 0; i < view->num_stacks; i++) {
		size_t num_labels;
		const struct profile_label *labels = store_get_labels(view->store, view->stacks[i].label_set, &num_labels);
		for (size_t j = 0; j < num_labels; j++)
			add_key(&table, labels[j].key);
	}
	HASH_SORT(table, compare_keys);
	for (key = table; key; key = key->hh.next) {
		text_add(&names, key == table ? "" : key->hh.next ? ", " : " and ");
		text_add(&names, key->name);
	}
	key = table;
	HASH_CLEAR(hh, table); // leaves the elements and their chain
	for (; key; key = next) {
		next = key->hh.next;
		free(key);
	}
	if (!names.length)
		return error_set(error, "%s %s: no label of this name: the profile has no labels", what, wanted);
	return error_set(error, "%s %s: no label of this name; there are %s", what, wanted, storage);
}

static int compare(const void *a, const void *b)
{
	const struct by_label_row *left = a, *right = b;
	uint64_t size_left = sums_size(left->value), size_right = sums_size(right->value);
	if (size_left != size_right)
		return size_left > size_right ? -1 : 1;
	if (left->string && right->string)
		return strcmp(left->string, right->string);
	if (!left->string != !right->string)
		return left->string ? -1 : 1;
	return left->number < right->number ? -1 : left->number > right->number;
}

bool by_label_init(struct by_label *by_label, const struct view *view, const char *what, const char *key, struct error *error)
{
	struct entry *table = NULL, *entry, *next;
	bool has_label = false;
	for (size_t i = 1; i <= view->num_stacks; i++)
		has_label |= add_stack(&table, view, i, key);
	*by_label = (struct by_label){ .rows = memory_get(HASH_COUNT(table), sizeof(*by_label->rows)) };
	entry = table;
	HASH_CLEAR(hh, table); // leaves the elements and their chain
	for (; entry; entry = next) {
		next = entry->hh.next;
		entry->row.error = sums_error(entry->row.error);
		if (entry->row.has_label || entry->row.value != 0)
			by_label->rows[by_label->num_rows++] = entry->row;
		free(entry);
	}
	qsort(by_label->rows, by_label->num_rows, sizeof(*by_label->rows), compare);
	if (has_label)
		return true;
	by_label_deinit(by_label);
	return fail(view, what, key, error);
}

void by_label_deinit(struct by_label *by_label)
{
	free(by_label->rows);
	*by_label = (struct by_label){ 0 };
}
