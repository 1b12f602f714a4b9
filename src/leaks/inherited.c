// SPDX-License-Identifier: Apache-2.0
// Inherited: what forked processes lost of what their parents had allocated.  OUTSIDE.
#include "leaks/inherited.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/sums.h"
#include "leaks/labels.h"

// What processes lost of their own with a stack in a kind.
struct own {
	UT_hash_handle hh;
	int64_t objects, bytes;
	uint32_t key[]; // kind, places
};

static struct own *find_own(struct own **table, const struct store_sample *sample, enum leak_kind kind, bool is_added)
{
	size_t key_bytes = (1 + sample->num_places) * sizeof(*sample->places);
	struct own *found, *own = memory_get(1, sizeof(*own) + key_bytes);
	own->key[0] = kind;
	memcpy(own->key + 1, sample->places, key_bytes - sizeof(*own->key));
	HASH_FIND(hh, *table, own->key, key_bytes, found);
	if (found || !is_added) {
		free(own);
		return found;
	}
	HASH_ADD_KEYPTR(hh, *table, own->key, key_bytes, own);
	return own;
}

static int64_t left_of(int64_t lost, int64_t own)
{
	return lost > own ? lost - own : 0;
}

void inherited_leave_out(struct store *store)
{
	struct own *table = NULL, *own, *next;
	for (int pass = 0; pass < 2 && store->num_types >= 2; pass++) {
		for (size_t i = 0; i < store->num_samples; i++) {
			int64_t *values = store->samples[i]->values;
			const struct leak_labels labels = leak_labels_of(store, store->samples[i]->label_set);
			if (labels.is_inherited != (pass == 1))
				continue;
			own = find_own(&table, store->samples[i], labels.kind, pass == 0);
			if (pass == 0) {
				own->objects = sums_add(own->objects, values[0]);
				own->bytes = sums_add(own->bytes, values[1]);
			} else if (own) {
				values[0] = left_of(values[0], own->objects);
				values[1] = values[0] ? left_of(values[1], own->bytes) : 0;
			}
		}
	}
	HASH_ITER(hh, table, own, next) {
		HASH_DEL(table, own);
		free(own);
	}
}
