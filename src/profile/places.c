// SPDX-License-Identifier: Apache-2.0
// Places: the mappings and locations of several profiles.  OUTSIDE.
#include "profile/places.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define PAGE_BYTES UINT64_C(4096)
// Where mappings are put that cannot stay where they are: above programs at fixed places, below all others, and
// in the half of memory that is not the kernel's.
#define FREE_START (UINT64_C(1) << 40)
#define FREE_LIMIT (UINT64_C(1) << 63)

struct place_mapping {
	UT_hash_handle hh;
	uint32_t number;
	bool is_used;
	bool has_room;         // put_start is free up to its size
	uint64_t start, limit; // in the first profile that has it
	uint64_t put_start;    // here
	char *path, *build_id;
	// The key, with the name.
	uint64_t num_pages;
	uint64_t offset;
	uint64_t nameless_start; // 0 if there is a name
	char name[];
};

struct place {
	UT_hash_handle hh;
	uint32_t number;
	bool is_used;
	char *function; // NULL: to be found from the address
	// The key, with the name.
	uint64_t mapping;
	uint64_t address; // from the start of the mapping
	char name[];      // of the function, where there is no mapping
};

void places_init(struct places *places)
{
	*places = (struct places){ 0 };
}

void places_deinit(struct places *places)
{
	HASH_CLEAR(hh, places->mapping_table);
	HASH_CLEAR(hh, places->table);
	for (uint32_t i = 0; i < places->num_mappings; i++) {
		free(places->mappings[i]->path);
		free(places->mappings[i]->build_id);
		free(places->mappings[i]);
	}
	for (uint32_t i = 0; i < places->num_places; i++) {
		free(places->places[i]->function);
		free(places->places[i]);
	}
	free(places->mappings);
	free(places->places);
}

// Room for one more in an array of pointers that doubles.
static void *grow(void *array, uint32_t num_elements)
{
	bool is_full = (num_elements & (num_elements - 1)) == 0; // as it is at powers of 2
	return is_full ? memory_resize(array, num_elements ? 2 * (size_t)num_elements : 1, sizeof(void *)) : array;
}

static bool is_nameless(const struct profile_mapping *mapping)
{
	return !*mapping->build_id && (!*mapping->path || strncmp(mapping->path, "//anon", 6) == 0);
}

uint32_t places_add_mapping(struct places *places, const struct profile_mapping *mapping)
{
	const char *name = *mapping->build_id ? mapping->build_id : mapping->path;
	size_t name_bytes = strlen(name), key_bytes = 3 * sizeof(uint64_t) + name_bytes;
	struct place_mapping *found, *added = memory_get(1, sizeof(*added) + name_bytes + 1);
	memcpy(added->name, name, name_bytes);
	uint64_t size_bytes = mapping->limit - mapping->start;
	added->num_pages = size_bytes / PAGE_BYTES + (size_bytes % PAGE_BYTES != 0);
	added->offset = mapping->offset;
	added->nameless_start = is_nameless(mapping) ? mapping->start : 0;
	HASH_FIND(hh, places->mapping_table, &added->num_pages, key_bytes, found);
	if (found) {
		free(added);
		return found->number;
	}
	added->start = mapping->start;
	added->limit = mapping->limit;
	added->path = memory_copy_string(mapping->path);
	added->build_id = memory_copy_string(mapping->build_id);
	places->mappings = grow(places->mappings, places->num_mappings);
	places->mappings[places->num_mappings++] = added;
	added->number = places->num_mappings;
	HASH_ADD_KEYPTR(hh, places->mapping_table, &added->num_pages, key_bytes, added);
	return added->number;
}

uint32_t places_add(struct places *places, uint32_t mapping, uint64_t start, const struct profile_location *location)
{
	const char *name = !mapping && location->function ? location->function : "";
	size_t name_bytes = strlen(name), key_bytes = 2 * sizeof(uint64_t) + name_bytes;
	struct place *found, *added = memory_get(1, sizeof(*added) + name_bytes + 1);
	memcpy(added->name, name, name_bytes);
	added->mapping = mapping;
	added->address = location->address - (mapping ? start : 0);
	HASH_FIND(hh, places->table, &added->mapping, key_bytes, found);
	if (found) {
		free(added);
	} else {
		places->places = grow(places->places, places->num_places);
		places->places[places->num_places++] = found = added;
		found->number = places->num_places;
		HASH_ADD_KEYPTR(hh, places->table, &found->mapping, key_bytes, found);
	}
	if (location->function && !found->function)
		found->function = memory_copy_string(location->function);
	return found->number;
}

void places_use_none(struct places *places)
{
	for (uint32_t i = 0; i < places->num_mappings; i++)
		places->mappings[i]->is_used = i == 0;
	for (uint32_t i = 0; i < places->num_places; i++)
		places->places[i]->is_used = false;
}

void places_use(struct places *places, uint32_t number)
{
	struct place *place = places->places[number - 1];
	place->is_used = true;
	if (place->mapping)
		places->mappings[place->mapping - 1]->is_used = true;
}

static int compare_starts(const void *left, const void *right)
{
	const struct place_mapping *a = *(struct place_mapping *const *)left, *b = *(struct place_mapping *const *)right;
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

// The used mappings by start.  Empty ones are in nobody's way.
static struct place_mapping **sort_mappings(const struct places *places, uint32_t *num_sorted)
{
	struct place_mapping **sorted = memory_get(places->num_mappings, sizeof(struct place_mapping *));
	*num_sorted = 0;
	for (uint32_t i = 0; i < places->num_mappings; i++)
		if (places->mappings[i]->is_used && places->mappings[i]->num_pages)
			sorted[(*num_sorted)++] = places->mappings[i];
	qsort(sorted, *num_sorted, sizeof(struct place_mapping *), compare_starts);
	return sorted;
}

// Where a mapping ends that is put at start, in whole pages.
static uint64_t end_at(const struct place_mapping *mapping, uint64_t start)
{
	uint64_t size_bytes, end;
	if (__builtin_mul_overflow(mapping->num_pages, PAGE_BYTES, &size_bytes) ||
	    __builtin_add_overflow(start, size_bytes, &end))
		return UINT64_MAX;
	return end;
}

// Leave where it is what begins behind the end of the one before.  Those stay in sorted, the others go to moved.
static uint32_t leave_mappings(struct place_mapping **sorted, uint32_t num_sorted, struct place_mapping **moved)
{
	uint32_t num_left = 0, num_moved = 0;
	uint64_t end = 0;
	for (uint32_t i = 0; i < num_sorted; i++) {
		if (sorted[i]->start < end) {
			moved[num_moved++] = sorted[i];
		} else {
			end = end_at(sorted[i], sorted[i]->start);
			sorted[num_left++] = sorted[i];
		}
	}
	return num_left;
}

// Put the others into the gaps between those; a gap that was too small for one is not tried again.
static void move_mappings(struct place_mapping *const *left, uint32_t num_left, struct place_mapping *const *moved,
			  uint32_t num_moved)
{
	uint64_t at = FREE_START;
	uint32_t next = 0;
	for (uint32_t i = 0; i < num_moved; i++) {
		for (; next < num_left && end_at(moved[i], at) > left[next]->start; next++) {
			uint64_t end = end_at(left[next], left[next]->start);
			if (end > at)
				at = end < FREE_LIMIT ? (end + PAGE_BYTES - 1) & -PAGE_BYTES : FREE_LIMIT;
		}
		uint64_t end = end_at(moved[i], at);
		moved[i]->has_room = end <= FREE_LIMIT;
		if (moved[i]->has_room) {
			moved[i]->put_start = at;
			at = end;
		}
	}
}

static void put_mappings(struct places *places)
{
	for (uint32_t i = 0; i < places->num_mappings; i++) {
		places->mappings[i]->has_room = true;
		places->mappings[i]->put_start = places->mappings[i]->start;
	}
	uint32_t num_sorted;
	struct place_mapping **sorted = sort_mappings(places, &num_sorted);
	struct place_mapping **moved = memory_get(num_sorted, sizeof(struct place_mapping *));
	uint32_t num_left = leave_mappings(sorted, num_sorted, moved);
	move_mappings(sorted, num_left, moved, num_sorted - num_left);
	free(sorted);
	free(moved);
}

static bool push_mapping(const struct place_mapping *mapping, const struct profile_sink *sink)
{
	const struct profile_mapping pushed = {
		.id = mapping->number,
		.start = mapping->put_start,
		.limit = mapping->put_start + (mapping->limit - mapping->start),
		.offset = mapping->offset,
		.path = mapping->path,
		.build_id = mapping->build_id,
	};
	return sink->mapping(sink->context, &pushed);
}

static bool push_place(const struct places *places, const struct place *place, const struct profile_sink *sink)
{
	const struct place_mapping *mapping = place->mapping ? places->mappings[place->mapping - 1] : NULL;
	const struct profile_location pushed = {
		.id = place->number,
		.mapping_id = mapping && mapping->has_room ? mapping->number : 0,
		.address = place->address + (mapping ? mapping->put_start : 0),
		.function = place->function,
	};
	return sink->location(sink->context, &pushed);
}

bool places_push(struct places *places, const struct profile_sink *sink)
{
	bool is_well = true;
	put_mappings(places);
	for (uint32_t i = 0; i < places->num_mappings && is_well; i++)
		if (places->mappings[i]->is_used && places->mappings[i]->has_room)
			is_well = push_mapping(places->mappings[i], sink);
	for (uint32_t i = 0; i < places->num_places && is_well; i++)
		if (places->places[i]->is_used)
			is_well = push_place(places, places->places[i], sink);
	return is_well;
}
