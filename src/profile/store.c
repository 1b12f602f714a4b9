// SPDX-License-Identifier: Apache-2.0
// Store: profiles in memory, one or the sum or difference of many.  OUTSIDE.
#include "profile/store.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/sums.h"
#include "profile/labels.h"

#define NO_COLUMN UINT32_MAX

// A sample with what finds it.
struct stored {
	UT_hash_handle hh;
	struct store_sample sample;
	int64_t values[]; // then the key: label set, places
};

// What an id of the profile that is being pushed stands for.
struct known_mapping {
	uint32_t number; // in places; 0: no such id
	uint64_t start;  // in that profile
};

struct known_ids {
	uint32_t *numbers; // in places, by id; 0: no such id
	size_t max_numbers;
};

struct store_tables {
	struct stored *samples;
	struct labels labels;
	struct error error;

	// The profile that is being pushed.
	struct profile_sink sink;
	uint32_t side;
	enum store_sign sign;
	uint32_t columns[PROFILE_MAX_TYPES]; // which of its values is which of ours
	struct known_mapping *mappings;      // by id
	size_t max_mappings;
	struct known_ids functions, locations;
	struct profile_line lines[PROFILE_MAX_LINES];
	uint32_t *key; // of a sample
	size_t max_key;
};

static int64_t subtract_saturating(int64_t left, int64_t right)
{
	int64_t difference;
	return __builtin_sub_overflow(left, right, &difference) ? (right < 0 ? INT64_MAX : INT64_MIN) : difference;
}

static int64_t larger(int64_t left, int64_t right)
{
	return left > right ? left : right;
}

static struct profile_type keep_type(struct store *store, const struct profile_type *type)
{
	return (struct profile_type){ strings_get(&store->strings, type->type), strings_get(&store->strings, type->unit) };
}

// The first profile says of what types this is.
static void keep_types(struct store *store, const struct profile_description *description)
{
	store->num_types = description->num_types;
	for (size_t i = 0; i < store->num_types; i++) {
		store->types[i] = keep_type(store, &description->types[i]);
		store->is_shared[i] = true;
	}
	store->period_type = keep_type(store, &description->period_type);
	store->default_type = strings_get(&store->strings, description->default_type);
}

static bool is_same_type(const struct profile_type *a, const struct profile_type *b)
{
	return strcmp(a->type, b->type) == 0 && strcmp(a->unit, b->unit) == 0;
}

// Find our types among those of a profile; false, with nothing changed, if it has none of those that all others have.
static bool match_types(struct store *store, const struct profile_description *description)
{
	uint32_t columns[PROFILE_MAX_TYPES];
	bool has_any = false;
	for (size_t i = 0; i < store->num_types; i++) {
		uint32_t column = 0;
		while (column < description->num_types && !is_same_type(&store->types[i], &description->types[column]))
			column++;
		columns[i] = column < description->num_types ? column : NO_COLUMN;
		has_any |= store->is_shared[i] && columns[i] != NO_COLUMN;
	}
	for (size_t i = 0; i < store->num_types && has_any; i++) {
		store->tables->columns[i] = columns[i];
		store->is_shared[i] &= columns[i] != NO_COLUMN;
	}
	return has_any;
}

static bool take_description(void *context, const struct profile_description *description)
{
	struct store *store = context;
	struct store_tables *tables = store->tables;
	struct store_side *side = &store->sides[tables->side];
	if (!store->num_types)
		keep_types(store, description);
	if (!is_same_type(&store->period_type, &description->period_type))
		return error_set(&tables->error, "its period is in %s/%s and that of the others in %s/%s: these are different kinds "
						 "of profiles", description->period_type.type, description->period_type.unit,
				 store->period_type.type, store->period_type.unit);
	if (!match_types(store, description))
		return error_set(&tables->error, "has no type of value (%s/%s ...) that all the others have", store->types[0].type,
				 store->types[0].unit);
	if (!*store->default_type)
		store->default_type = strings_get(&store->strings, description->default_type);
	if (!*store->drop_frames) {
		store->drop_frames = strings_get(&store->strings, description->drop_frames);
		store->keep_frames = strings_get(&store->strings, description->keep_frames);
	}
	store->period = larger(store->period, description->period);
	side->num_profiles++;
	if (tables->sign == STORE_ADD) {
		side->time_ns = larger(side->time_ns, description->time_ns);
		side->added_duration_ns = sums_add(side->added_duration_ns, description->duration_ns);
	} else {
		side->subtracted_time_ns = larger(side->subtracted_time_ns, description->time_ns);
	}
	side->duration_ns = side->subtracted_time_ns ? larger(0, subtract_saturating(side->time_ns, side->subtracted_time_ns))
						     : side->added_duration_ns;
	return true;
}

static bool take_comment(void *context, const char *comment)
{
	struct store *store = context;
	struct store_side *side = &store->sides[store->tables->side];
	const char *kept = strings_get(&store->strings, comment);
	if (store->tables->sign != STORE_ADD)
		return true;
	for (size_t i = 0; i < side->num_comments; i++)
		if (side->comments[i] == kept)
			return true;
	if (side->num_comments < STORE_MAX_COMMENTS)
		side->comments[side->num_comments++] = kept;
	else
		side->num_more_comments++;
	return true;
}

// An array that has element number, larger if need be.  Ids are counted, so it is filled well; it is zeroed memory
// nobody has touched where it is not.
static void *reach(void *array, size_t *max_elements, size_t number, size_t element_bytes)
{
	if (number < *max_elements)
		return array;
	size_t more_elements = 2 * number + 64;
	void *larger_array = memory_get(more_elements, element_bytes);
	if (array)
		memcpy(larger_array, array, *max_elements * element_bytes);
	free(array);
	*max_elements = more_elements;
	return larger_array;
}

static void note_id(struct known_ids *ids, uint32_t id, uint32_t number)
{
	ids->numbers = reach(ids->numbers, &ids->max_numbers, id, sizeof(*ids->numbers));
	ids->numbers[id] = number;
}

static uint32_t find_id(const struct known_ids *ids, uint32_t id)
{
	return id < ids->max_numbers ? ids->numbers[id] : 0;
}

static void forget_ids(struct store_tables *tables)
{
	free(tables->mappings);
	free(tables->functions.numbers);
	free(tables->locations.numbers);
	tables->mappings = NULL;
	tables->max_mappings = 0;
	tables->functions = tables->locations = (struct known_ids){ 0 };
}

static bool take_mapping(void *context, const struct profile_mapping *mapping)
{
	struct store *store = context;
	struct store_tables *tables = store->tables;
	tables->mappings = reach(tables->mappings, &tables->max_mappings, mapping->id, sizeof(*tables->mappings));
	tables->mappings[mapping->id].number = places_add_mapping(&store->places, mapping);
	tables->mappings[mapping->id].start = mapping->start;
	return true;
}

static bool take_function(void *context, const struct profile_function *function)
{
	struct store *store = context;
	note_id(&store->tables->functions, function->id, places_add_function(&store->places, function));
	return true;
}

// A mapping that is not known is none: a program may have opened a library after the mappings were pushed.
static bool take_location(void *context, const struct profile_location *location)
{
	struct store *store = context;
	struct store_tables *tables = store->tables;
	struct profile_location taken = *location;
	struct known_mapping mapping = { 0 };
	if (location->mapping_id < tables->max_mappings)
		mapping = tables->mappings[location->mapping_id];
	if (location->num_lines > PROFILE_MAX_LINES)
		return error_set(&tables->error, "a location has %zu lines; accepted are up to %d", location->num_lines, PROFILE_MAX_LINES);
	for (size_t i = 0; i < location->num_lines; i++) {
		tables->lines[i] = location->lines[i];
		tables->lines[i].function_id = find_id(&tables->functions, location->lines[i].function_id);
	}
	taken.lines = tables->lines;
	note_id(&tables->locations, location->id, places_add(&store->places, mapping.number, mapping.start, &taken));
	return true;
}

// The sample whose key is the first 1 + num_places words of tables->key.
static struct store_sample *get_sample(struct store *store, size_t num_places)
{
	struct store_tables *tables = store->tables;
	struct stored *found;
	size_t num_values = store->num_sides * store->num_types, key_bytes = (1 + num_places) * sizeof(*tables->key);
	unsigned hash = hash_bytes(tables->key, key_bytes);
	HASH_FIND_BYHASHVALUE(hh, tables->samples, tables->key, key_bytes, hash, found);
	if (found)
		return &found->sample;
	found = memory_get(1, sizeof(*found) + num_values * sizeof(*found->values) + key_bytes);
	uint32_t *key = memcpy(&found->values[num_values], tables->key, key_bytes);
	found->sample = (struct store_sample){ .values = found->values, .label_set = key[0],
					       .num_places = (uint32_t)num_places, .places = key + 1 };
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, tables->samples, key, key_bytes, hash, found);
	store->samples = memory_grow(store->samples, store->num_samples, sizeof(*store->samples));
	store->samples[store->num_samples++] = &found->sample;
	return &found->sample;
}

static bool take_sample(void *context, const struct profile_sample *sample)
{
	struct store *store = context;
	struct store_tables *tables = store->tables;
	if (sample->num_locations > PROFILE_MAX_LOCATIONS || sample->num_labels > PROFILE_MAX_LABELS)
		return error_set(&tables->error, "a sample has %zu frames and %zu labels; accepted are up to %d and %d",
				 sample->num_locations, sample->num_labels, PROFILE_MAX_LOCATIONS, PROFILE_MAX_LABELS);
	tables->key = reach(tables->key, &tables->max_key, sample->num_locations, sizeof(*tables->key));
	tables->key[0] = labels_get_set(&tables->labels, sample->labels, sample->num_labels);
	for (size_t i = 0; i < sample->num_locations; i++)
		if (!(tables->key[1 + i] = find_id(&tables->locations, sample->location_ids[i])))
			return error_set(&tables->error, "its stacks name frames that are not there");
	struct store_sample *sum = get_sample(store, sample->num_locations);
	int64_t *values = &sum->values[tables->side * store->num_types];
	for (size_t i = 0; i < store->num_types; i++)
		if (tables->columns[i] != NO_COLUMN)
			values[i] = tables->sign == STORE_ADD ? sums_add(values[i], sample->values[tables->columns[i]])
							      : subtract_saturating(values[i], sample->values[tables->columns[i]]);
	return true;
}

struct store *store_create(uint32_t num_sides)
{
	struct store *store = memory_get(1, sizeof(*store));
	struct store_tables *tables = store->tables = memory_get(1, sizeof(*store->tables));
	strings_init(&store->strings);
	places_init(&store->places, &store->strings);
	labels_init(&tables->labels, &store->strings);
	store->num_sides = num_sides;
	store->default_type = store->drop_frames = store->keep_frames = "";
	store->period_type = (struct profile_type){ "", "" };
	tables->key = reach(NULL, &tables->max_key, 64, sizeof(*tables->key));
	tables->sink = (struct profile_sink){
		.context = store,
		.description = take_description,
		.comment = take_comment,
		.mapping = take_mapping,
		.function = take_function,
		.location = take_location,
		.sample = take_sample,
	};
	return store;
}

static void destroy_tables(struct store_tables *tables)
{
	struct stored *sample = tables->samples, *next;
	HASH_CLEAR(hh, tables->samples); // leaves the elements and their chain
	for (; sample; sample = next) {
		next = sample->hh.next;
		free(sample);
	}
	labels_deinit(&tables->labels);
	forget_ids(tables);
	free(tables->key);
	free(tables);
}

void store_destroy(struct store *store)
{
	if (!store)
		return;
	destroy_tables(store->tables);
	places_deinit(&store->places);
	strings_deinit(&store->strings);
	free(store->samples);
	free(store);
}

const struct profile_sink *store_begin(struct store *store, uint32_t side, enum store_sign sign)
{
	forget_ids(store->tables);
	*store->tables->error.message = 0;
	store->tables->side = side;
	store->tables->sign = sign;
	return &store->tables->sink;
}

const char *store_get_problem(const struct store *store)
{
	return *store->tables->error.message ? store->tables->error.message : NULL;
}

const struct profile_label *store_get_labels(const struct store *store, uint32_t label_set, size_t *num_labels)
{
	return labels_get(&store->tables->labels, label_set, num_labels);
}
