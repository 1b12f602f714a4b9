// SPDX-License-Identifier: Apache-2.0
// Ids of elements in a file of profile.proto.  OUTSIDE.
#include "pprof/ids.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"

void ids_init(struct ids *ids, const char *kind, uint32_t max_elements)
{
	*ids = (struct ids){ .kind = kind, .elements = memory_get(max_elements, sizeof(*ids->elements)) };
}

void ids_deinit(struct ids *ids)
{
	free(ids->elements);
}

bool ids_add(struct ids *ids, uint64_t id, struct error *error)
{
	if (id == 0)
		return error_set(error, "its id is 0");
	ids->elements[ids->num_elements] = (struct id){ .id = id, .number = ids->num_elements + 1 };
	ids->num_elements++;
	return true;
}

static int compare(const void *left, const void *right)
{
	uint64_t a = ((const struct id *)left)->id, b = ((const struct id *)right)->id;
	return (a > b) - (a < b);
}

bool ids_sort(struct ids *ids, struct error *error)
{
	qsort(ids->elements, ids->num_elements, sizeof(*ids->elements), compare);
	for (uint32_t i = 1; i < ids->num_elements; i++)
		if (ids->elements[i].id == ids->elements[i - 1].id)
			return error_set(error, "%s %" PRIu32 ": has the id of another, %" PRIu64, ids->kind,
					 ids->elements[i].number, ids->elements[i].id);
	return true;
}

uint32_t ids_find(const struct ids *ids, uint64_t id, struct error *error)
{
	if (id >= 1 && id <= ids->num_elements && ids->elements[id - 1].id == id)
		return ids->elements[id - 1].number; // as writers that count from 1 have it
	struct id key = { .id = id };
	const struct id *found = bsearch(&key, ids->elements, ids->num_elements, sizeof(key), compare);
	if (!found)
		error_set(error, "%s %" PRIu64 " does not exist", ids->kind, id);
	return found ? found->number : 0;
}
