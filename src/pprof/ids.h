// SPDX-License-Identifier: Apache-2.0
/*
 * Ids: the ids that a file of profile.proto gives to elements of one kind, any numbers but 0, each once.
 *
 * OUTSIDE; one thread.
 */
#ifndef CAIRN_PPROF_IDS_H
#define CAIRN_PPROF_IDS_H

#include <stdint.h>

#include "base/error.h"

struct id {
	uint64_t id;
	uint32_t number; // of the element, from 1
};

struct ids {
	const char *kind; // for errors
	struct id *elements;
	uint32_t num_elements;
};

void ids_init(struct ids *ids, const char *kind, uint32_t max_elements);
void ids_deinit(struct ids *ids);

// Add the id of the next element.
bool ids_add(struct ids *ids, uint64_t id, struct error *error);
// After all were added, before ids_find().  False if two are equal.
bool ids_sort(struct ids *ids, struct error *error);

// The number of the element with an id; 0, with an error, if there is none.
uint32_t ids_find(const struct ids *ids, uint64_t id, struct error *error);

#endif
