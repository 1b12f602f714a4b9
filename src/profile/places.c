// SPDX-License-Identifier: Apache-2.0
// Places: the mappings and locations of several profiles.  OUTSIDE.
#include "profile/places.h"

#include <stdlib.h>
#include <string.h>

#include "profile/place.h"

#define PLACE_KEY_WORDS(num_lines) (2 + 3 * (size_t)(num_lines))

void places_init(struct places *places, struct strings *strings)
{
	*places = (struct places){ .strings = strings };
}

void places_deinit(struct places *places)
{
	HASH_CLEAR(hh, places->mapping_table);
	HASH_CLEAR(hh, places->function_table);
	HASH_CLEAR(hh, places->table);
	for (uint32_t i = 0; i < places->num_mappings; i++)
		free(places->mappings[i]);
	for (uint32_t i = 0; i < places->num_functions; i++)
		free(places->functions[i]);
	for (uint32_t i = 0; i < places->num_places; i++) {
		free(places->places[i]->lines);
		free(places->places[i]);
	}
	free(places->mappings);
	free(places->functions);
	free(places->places);
}

static bool is_nameless(const struct profile_mapping *mapping)
{
	return !*mapping->build_id && (!*mapping->path || strncmp(mapping->path, "//anon", 6) == 0);
}

static struct place_mapping *add_mapping(struct places *places, const struct mapping_key *key,
					 const struct profile_mapping *mapping)
{
	struct place_mapping *added = memory_get(1, sizeof(*added));
	*added = (struct place_mapping){
		.number = places->num_mappings + 1,
		.is_nameless = is_nameless(mapping),
		.start = mapping->start,
		.limit = mapping->limit,
		.path = strings_get(places->strings, mapping->path),
		.build_id = strings_get(places->strings, mapping->build_id),
		.has_functions = mapping->has_functions,
		.has_filenames = mapping->has_filenames,
		.has_line_numbers = mapping->has_line_numbers,
		.has_inline_frames = mapping->has_inline_frames,
		.key = *key,
	};
	places->mappings = memory_grow(places->mappings, places->num_mappings, sizeof(void *));
	places->mappings[places->num_mappings++] = added;
	HASH_ADD(hh, places->mapping_table, key, sizeof(*key), added);
	return added;
}

uint32_t places_add_mapping(struct places *places, const struct profile_mapping *mapping)
{
	uint64_t size_bytes = mapping->limit - mapping->start;
	struct place_mapping *found;
	const struct mapping_key key = {
		.num_pages = size_bytes / PLACE_PAGE_BYTES + (size_bytes % PLACE_PAGE_BYTES != 0),
		.offset = mapping->offset,
		.nameless_start = is_nameless(mapping) ? mapping->start : 0,
		.name = strings_get(places->strings, *mapping->build_id ? mapping->build_id : mapping->path),
	};
	HASH_FIND(hh, places->mapping_table, &key, sizeof(key), found);
	if (!found)
		return add_mapping(places, &key, mapping)->number;
	found->has_functions &= mapping->has_functions;
	found->has_filenames &= mapping->has_filenames;
	found->has_line_numbers &= mapping->has_line_numbers;
	found->has_inline_frames &= mapping->has_inline_frames;
	return found->number;
}

uint32_t places_add_function(struct places *places, const struct profile_function *function)
{
	struct place_function *found;
	const struct function_key key = {
		.name = strings_get(places->strings, function->name),
		.system_name = strings_get(places->strings, function->system_name),
		.filename = strings_get(places->strings, function->filename),
		.start_line = function->start_line,
	};
	HASH_FIND(hh, places->function_table, &key, sizeof(key), found);
	if (found)
		return found->number;
	found = memory_get(1, sizeof(*found));
	found->key = key;
	places->functions = memory_grow(places->functions, places->num_functions, sizeof(void *));
	places->functions[places->num_functions++] = found;
	found->number = places->num_functions;
	HASH_ADD(hh, places->function_table, key, sizeof(key), found);
	return found->number;
}

static void copy_lines(struct place *place, const struct profile_line *lines, size_t num_lines)
{
	free(place->lines);
	place->num_lines = (uint32_t)num_lines;
	place->lines = num_lines ? memory_get(num_lines, sizeof(*lines)) : NULL;
	for (size_t i = 0; i < num_lines; i++)
		place->lines[i] = lines[i];
}

// How much lines say: nothing, a function, where it is in the source.
static int rank_lines(const struct places *places, const struct profile_line *lines, size_t num_lines)
{
	int rank = 0;
	for (size_t i = 0; i < num_lines; i++) {
		uint32_t function = lines[i].function_id;
		bool has_file = function && *places->functions[function - 1]->key.filename;
		int own = has_file || lines[i].line > 0 ? 2 : function ? 1 : 0;
		rank = own > rank ? own : rank;
	}
	return rank;
}

// Where the build id tells what code it is, lines only say more or less of it; else they tell it, too.
static size_t make_key(const struct places *places, uint32_t mapping, uint64_t address, const struct profile_location *location,
		       uint64_t *key)
{
	bool is_known = mapping && *places->mappings[mapping - 1]->build_id;
	size_t num_lines = is_known ? 0 : location->num_lines;
	key[0] = mapping | (uint64_t)location->is_folded << 32;
	key[1] = address;
	for (size_t i = 0; i < num_lines; i++) {
		key[2 + 3 * i] = location->lines[i].function_id;
		key[3 + 3 * i] = (uint64_t)location->lines[i].line;
		key[4 + 3 * i] = (uint64_t)location->lines[i].column;
	}
	return PLACE_KEY_WORDS(num_lines) * sizeof(*key);
}

uint32_t places_add(struct places *places, uint32_t mapping, uint64_t start, const struct profile_location *location)
{
	uint64_t key[PLACE_KEY_WORDS(PROFILE_MAX_LINES)], address = location->address - (mapping ? start : 0);
	size_t key_bytes = make_key(places, mapping, address, location, key);
	struct place *found;
	HASH_FIND(hh, places->table, key, key_bytes, found);
	if (found) {
		if (rank_lines(places, location->lines, location->num_lines) > rank_lines(places, found->lines, found->num_lines))
			copy_lines(found, location->lines, location->num_lines);
		return found->number;
	}
	found = memory_get(1, sizeof(*found) + key_bytes);
	memcpy(found->key, key, key_bytes);
	found->mapping = mapping;
	found->address = address;
	found->is_folded = location->is_folded;
	copy_lines(found, location->lines, location->num_lines);
	places->places = memory_grow(places->places, places->num_places, sizeof(void *));
	places->places[places->num_places++] = found;
	found->number = places->num_places;
	HASH_ADD_KEYPTR(hh, places->table, found->key, key_bytes, found);
	return found->number;
}

struct profile_mapping places_get_mapping(const struct places *places, uint32_t number)
{
	const struct place_mapping *mapping = places->mappings[number - 1];
	return (struct profile_mapping){
		.id = number,
		.start = mapping->start,
		.limit = mapping->limit,
		.offset = mapping->key.offset,
		.path = mapping->path,
		.build_id = mapping->build_id,
		.has_functions = mapping->has_functions,
		.has_filenames = mapping->has_filenames,
		.has_line_numbers = mapping->has_line_numbers,
		.has_inline_frames = mapping->has_inline_frames,
	};
}

struct profile_function places_get_function(const struct places *places, uint32_t number)
{
	const struct function_key *key = &places->functions[number - 1]->key;
	return (struct profile_function){ .id = number, .name = key->name, .system_name = key->system_name,
					  .filename = key->filename, .start_line = key->start_line };
}

struct profile_location places_get(const struct places *places, uint32_t number)
{
	const struct place *place = places->places[number - 1];
	return (struct profile_location){
		.id = number,
		.mapping_id = place->mapping,
		.address = place->address + (place->mapping ? places->mappings[place->mapping - 1]->start : 0),
		.lines = place->lines,
		.num_lines = place->num_lines,
		.is_folded = place->is_folded,
	};
}

void places_set_lines(struct places *places, uint32_t place, const struct profile_line *lines, size_t num_lines)
{
	copy_lines(places->places[place - 1], lines, num_lines < PROFILE_MAX_LINES ? num_lines : PROFILE_MAX_LINES);
}

void places_set_has(struct places *places, uint32_t number, bool has_functions, bool has_filenames,
		    bool has_line_numbers, bool has_inline_frames)
{
	struct place_mapping *mapping = places->mappings[number - 1];
	mapping->has_functions = has_functions;
	mapping->has_filenames = has_filenames;
	mapping->has_line_numbers = has_line_numbers;
	mapping->has_inline_frames = has_inline_frames;
}
