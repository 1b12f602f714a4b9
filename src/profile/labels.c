// SPDX-License-Identifier: Apache-2.0
// Labels: each distinct set of labels of samples once.  OUTSIDE.
#include "profile/labels.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

// One allocation with strings of the strings in it.
struct label_set {
	UT_hash_handle hh;
	uint32_t number;
	size_t num_labels;
	struct profile_label labels[]; // the key
};

void labels_init(struct labels *labels, struct strings *strings)
{
	*labels = (struct labels){ .strings = strings };
	labels->asked = memory_get(PROFILE_MAX_LABELS, sizeof(*labels->asked));
}

void labels_deinit(struct labels *labels)
{
	HASH_CLEAR(hh, labels->table);
	for (uint32_t i = 0; i < labels->num_sets; i++)
		free(labels->sets[i]);
	free(labels->sets);
	free(labels->asked);
}

// Of what has no string or no unit, these are the same however they were given.
static struct profile_label keep_label(struct strings *strings, const struct profile_label *given)
{
	return (struct profile_label){
		.key = strings_get(strings, given->key),
		.string = given->string ? strings_get(strings, given->string) : NULL,
		.number = given->string ? 0 : given->number,
		.unit = strings_get(strings, given->string ? "" : given->unit),
	};
}

// By key; those of one key stay in their order.
static int compare_labels(const void *left, const void *right)
{
	const struct profile_label *a = *(struct profile_label *const *)left, *b = *(struct profile_label *const *)right;
	int keys_differ = a->key == b->key ? 0 : strcmp(a->key, b->key);
	return keys_differ ? keys_differ : (a > b) - (a < b);
}

// What is looked up.
static void ask(struct labels *labels, const struct profile_label *given, size_t num_labels)
{
	struct profile_label kept[PROFILE_MAX_LABELS], *sorted[PROFILE_MAX_LABELS];
	for (size_t i = 0; i < num_labels; i++) {
		kept[i] = keep_label(labels->strings, &given[i]);
		sorted[i] = &kept[i];
	}
	qsort(sorted, num_labels, sizeof(*sorted), compare_labels);
	for (size_t i = 0; i < num_labels; i++)
		labels->asked[i] = *sorted[i];
}

static uint32_t add_set(struct labels *labels, size_t num_labels)
{
	size_t key_bytes = num_labels * sizeof(*labels->asked);
	struct label_set *added = memory_get(1, sizeof(*added) + key_bytes);
	added->num_labels = num_labels;
	memcpy(added->labels, labels->asked, key_bytes);
	labels->sets = memory_grow(labels->sets, labels->num_sets, sizeof(added));
	labels->sets[labels->num_sets++] = added;
	added->number = labels->num_sets;
	HASH_ADD_KEYPTR(hh, labels->table, added->labels, key_bytes, added);
	return added->number;
}

uint32_t labels_get_set(struct labels *labels, const struct profile_label *given, size_t num_labels)
{
	struct label_set *found;
	size_t key_bytes = num_labels * sizeof(*given);
	if (!num_labels)
		return 0;
	ask(labels, given, num_labels);
	HASH_FIND(hh, labels->table, labels->asked, key_bytes, found);
	return found ? found->number : add_set(labels, num_labels);
}

const struct profile_label *labels_get(const struct labels *labels, uint32_t number, size_t *num_labels)
{
	const struct label_set *set = number ? labels->sets[number - 1] : NULL;
	*num_labels = set ? set->num_labels : 0;
	return set ? set->labels : NULL;
}
