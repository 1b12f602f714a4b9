// SPDX-License-Identifier: Apache-2.0
// Placement: the places that are used, with their mappings put where none is in another's way.  OUTSIDE.
#include "profile/places.h"

#include <stdlib.h>

#include "profile/place.h"

// Where mappings are put that cannot stay where they are: above programs at fixed places, below all others, and
// in the half of memory that is not the kernel's.
#define FREE_START (UINT64_C(1) << 40)
#define FREE_LIMIT (UINT64_C(1) << 63)

void places_use_none(struct places *places)
{
	for (uint32_t i = 0; i < places->num_mappings; i++)
		places->mappings[i]->is_used = i == 0;
	for (uint32_t i = 0; i < places->num_functions; i++)
		places->functions[i]->is_used = false;
	for (uint32_t i = 0; i < places->num_places; i++)
		places->places[i]->is_used = false;
}

void places_use(struct places *places, uint32_t number)
{
	struct place *place = places->places[number - 1];
	place->is_used = true;
	if (place->mapping)
		places->mappings[place->mapping - 1]->is_used = true;
	for (uint32_t i = 0; i < place->num_lines; i++)
		if (place->lines[i].function_id)
			places->functions[place->lines[i].function_id - 1]->is_used = true;
}

uint32_t places_get_id(const struct places *places, uint32_t number)
{
	return places->places[number - 1]->id;
}

static int compare_starts(const void *left, const void *right)
{
	const struct place_mapping *a = *(struct place_mapping *const *)left, *b = *(struct place_mapping *const *)right;
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

// The used mappings by start.  Empty and nameless ones are in nobody's way.
static struct place_mapping **sort_mappings(const struct places *places, uint32_t *num_sorted)
{
	struct place_mapping **sorted = memory_get(places->num_mappings, sizeof(struct place_mapping *));
	*num_sorted = 0;
	for (uint32_t i = 0; i < places->num_mappings; i++)
		if (places->mappings[i]->is_used && places->mappings[i]->key.num_pages && !places->mappings[i]->is_nameless)
			sorted[(*num_sorted)++] = places->mappings[i];
	qsort(sorted, *num_sorted, sizeof(struct place_mapping *), compare_starts);
	return sorted;
}

// Where a mapping ends that is put at start, in whole pages.
static uint64_t end_at(const struct place_mapping *mapping, uint64_t start)
{
	uint64_t size_bytes, end;
	if (__builtin_mul_overflow(mapping->key.num_pages, PLACE_PAGE_BYTES, &size_bytes) ||
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
				at = end < FREE_LIMIT ? (end + PLACE_PAGE_BYTES - 1) & -PLACE_PAGE_BYTES : FREE_LIMIT;
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

// Ids without gaps, so that what is pushed does not depend on what is left out.
static void number_used(struct places *places)
{
	uint32_t num_mappings = 0, num_functions = 0, num_places = 0;
	for (uint32_t i = 0; i < places->num_mappings; i++) {
		struct place_mapping *mapping = places->mappings[i];
		mapping->id = mapping->is_used && mapping->has_room ? ++num_mappings : 0;
	}
	for (uint32_t i = 0; i < places->num_functions; i++)
		places->functions[i]->id = places->functions[i]->is_used ? ++num_functions : 0;
	for (uint32_t i = 0; i < places->num_places; i++)
		places->places[i]->id = places->places[i]->is_used ? ++num_places : 0;
}

static bool push_mapping(const struct places *places, uint32_t number, const struct profile_sink *sink)
{
	const struct place_mapping *mapping = places->mappings[number - 1];
	struct profile_mapping pushed = places_get_mapping(places, number);
	pushed.id = mapping->id;
	pushed.start = mapping->put_start;
	pushed.limit = mapping->put_start + (mapping->limit - mapping->start);
	return !mapping->id || sink->mapping(sink->context, &pushed);
}

static bool push_function(const struct places *places, uint32_t number, const struct profile_sink *sink)
{
	struct profile_function pushed = places_get_function(places, number);
	pushed.id = places->functions[number - 1]->id;
	return !pushed.id || sink->function(sink->context, &pushed);
}

static bool push_place(const struct places *places, uint32_t number, const struct profile_sink *sink)
{
	const struct place *place = places->places[number - 1];
	const struct place_mapping *mapping = place->mapping ? places->mappings[place->mapping - 1] : NULL;
	struct profile_location pushed = places_get(places, number);
	struct profile_line lines[PROFILE_MAX_LINES];
	pushed.id = place->id;
	pushed.mapping_id = mapping ? mapping->id : 0;
	pushed.address = place->address + (mapping ? mapping->put_start : 0);
	pushed.lines = lines;
	for (uint32_t i = 0; i < place->num_lines; i++) {
		uint32_t function = place->lines[i].function_id;
		lines[i] = place->lines[i];
		lines[i].function_id = function ? places->functions[function - 1]->id : 0;
	}
	return !pushed.id || sink->location(sink->context, &pushed);
}

bool places_push(struct places *places, const struct profile_sink *sink)
{
	bool is_well = true;
	put_mappings(places);
	number_used(places);
	for (uint32_t i = 1; i <= places->num_mappings && is_well; i++)
		is_well = push_mapping(places, i, sink);
	for (uint32_t i = 1; i <= places->num_functions && is_well; i++)
		is_well = push_function(places, i, sink);
	for (uint32_t i = 1; i <= places->num_places && is_well; i++)
		is_well = push_place(places, i, sink);
	return is_well;
}
