// SPDX-License-Identifier: Apache-2.0
/*
 * Places: the mappings and locations of several profiles, with the same code recognised as the same although
 * it lay at different addresses (address randomisation).
 *
 * The rules are google/pprof's (profile/merge.go), so that merging here or there gives the same: mappings are
 * equal if size in pages, offset in the file and build id (else path) are; locations if their mapping and their
 * distance from its start are.  Where a mapping has neither build id nor path its address is all there is.
 *
 * OUTSIDE; one thread.
 */
#ifndef CAIRN_PROFILE_PLACES_H
#define CAIRN_PROFILE_PLACES_H

#include "profile/profile.h"

struct place_mapping;
struct place;

// Both are tables by content and arrays by number - 1.
struct places {
	struct place_mapping *mapping_table, **mappings;
	struct place *table, **places;
	uint32_t num_mappings, num_places;
};

void places_init(struct places *places);
void places_deinit(struct places *places);

// The number, from 1, of what stands for a mapping here.
uint32_t places_add_mapping(struct places *places, const struct profile_mapping *mapping);

// The number, from 1, of what stands for a location in a mapping (a number; 0: none) that begins at start in the
// location's profile.
uint32_t places_add(struct places *places, uint32_t mapping, uint64_t start, const struct profile_location *location);

// Which places places_push() shall push.
void places_use_none(struct places *places);
void places_use(struct places *places, uint32_t place);

// Push the first mapping and those that used places lie in, then the used places; ids are the numbers.  Mappings
// that lie in another's way are put where there is room.
bool places_push(struct places *places, const struct profile_sink *sink);

#endif
