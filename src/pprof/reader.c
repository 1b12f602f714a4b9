// SPDX-License-Identifier: Apache-2.0
// Reader: the heap profile in a file of profile.proto.  OUTSIDE.
#include "pprof/reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "pprof/document.h"
#include "pprof/ids.h"

typedef Perftools__Profiles__Profile Profile;

struct range {
	uint64_t start, limit;
};

struct reader {
	struct document document;
	const struct profile_sink *sink;
	struct error *error;
	struct ids mappings, locations, functions;
	struct range *ranges;    // of the mappings, by number - 1
	int64_t *function_names; // strings, by number - 1
	uint32_t num_types;
	uint32_t columns[PROFILE_NUM_VALUES]; // which value of a sample is which of ours
	struct profile_description description;
};

static const char *const types[PROFILE_NUM_VALUES][2] = {
	[PROFILE_ALLOC_OBJECTS] = { "alloc_objects", "count" },
	[PROFILE_ALLOC_SPACE] = { "alloc_space", "bytes" },
	[PROFILE_INUSE_OBJECTS] = { "inuse_objects", "count" },
	[PROFILE_INUSE_SPACE] = { "inuse_space", "bytes" },
};

static char *copy_string(struct reader *reader, int64_t index)
{
	return document_copy_string(&reader->document, index, reader->error);
}

static bool visit(struct reader *reader, enum document_field number, const char *kind,
		  bool (*take)(void *context, const Profile *part))
{
	return document_visit(&reader->document, number, kind, take, reader, reader->error);
}

// Which of types a value type is; -1: none.
static int find_type(const char *type, const char *unit)
{
	for (int i = 0; i < PROFILE_NUM_VALUES; i++)
		if (strcmp(type, types[i][0]) == 0 && strcmp(unit, types[i][1]) == 0)
			return i;
	return -1;
}

static bool take_type(void *context, const Profile *part)
{
	struct reader *reader = context;
	char *type = copy_string(reader, part->sample_type[0]->type);
	char *unit = type ? copy_string(reader, part->sample_type[0]->unit) : NULL;
	int value = unit ? find_type(type, unit) : -1;
	if (unit && value < 0)
		error_set(reader->error, "%s/%s; accepted are alloc_objects/count, alloc_space/bytes, inuse_objects/count and "
					 "inuse_space/bytes", type, unit);
	if (value >= 0)
		reader->columns[value] = reader->num_types++;
	free(type);
	free(unit);
	return value >= 0;
}

// Each of the four types once, in any order.
static bool take_types(struct reader *reader)
{
	for (int i = 0; i < PROFILE_NUM_VALUES; i++)
		reader->columns[i] = UINT32_MAX;
	if (!visit(reader, DOCUMENT_SAMPLE_TYPE, "sample_type", take_type))
		return false;
	for (int i = 0; i < PROFILE_NUM_VALUES; i++)
		if (reader->columns[i] == UINT32_MAX)
			return error_set(reader->error, "sample_type: not a heap profile: has no %s", types[i][0]);
	if (reader->num_types != PROFILE_NUM_VALUES)
		return error_set(reader->error, "sample_type: the same type twice");
	return true;
}

static bool take_period_type(void *context, const Profile *part)
{
	struct reader *reader = context;
	char *type = copy_string(reader, part->period_type->type);
	char *unit = type ? copy_string(reader, part->period_type->unit) : NULL;
	bool is_known = unit && strcmp(type, "space") == 0 && strcmp(unit, "bytes") == 0;
	if (unit && !is_known)
		error_set(reader->error, "%s/%s; accepted is space/bytes", type, unit);
	free(type);
	free(unit);
	return is_known;
}

// One of the numbers; the others are 0.
static bool take_number(void *context, const Profile *part)
{
	struct reader *reader = context;
	struct profile_description *description = &reader->description;
	if (part->period < 0 || part->duration_nanos < 0)
		return error_set(reader->error, "negative");
	if (part->period)
		description->period_bytes = part->period;
	if (part->time_nanos)
		description->time_ns = part->time_nanos;
	if (part->duration_nanos)
		description->duration_ns = part->duration_nanos;
	return true;
}

static bool push_description(struct reader *reader)
{
	return take_types(reader) && visit(reader, DOCUMENT_PERIOD_TYPE, "period_type", take_period_type) &&
	       visit(reader, DOCUMENT_PERIOD, "period", take_number) &&
	       visit(reader, DOCUMENT_TIME, "time_nanos", take_number) &&
	       visit(reader, DOCUMENT_DURATION, "duration_nanos", take_number) &&
	       reader->sink->description(reader->sink->context, &reader->description);
}

static bool push_comments(void *context, const Profile *part)
{
	struct reader *reader = context;
	bool is_taken = true;
	for (size_t i = 0; i < part->n_comment && is_taken; i++) {
		char *comment = copy_string(reader, part->comment[i]);
		is_taken = comment && reader->sink->comment(reader->sink->context, comment);
		free(comment);
	}
	return is_taken;
}

static bool take_function(void *context, const Profile *part)
{
	struct reader *reader = context;
	reader->function_names[reader->functions.num_elements] = part->function[0]->name;
	return ids_add(&reader->functions, part->function[0]->id, reader->error);
}

static bool push_mapping(void *context, const Profile *part)
{
	struct reader *reader = context;
	const Perftools__Profiles__Mapping *read = part->mapping[0];
	if (!ids_add(&reader->mappings, read->id, reader->error))
		return false;
	if (read->memory_start > read->memory_limit)
		return error_set(reader->error, "memory_start: 0x%" PRIx64 " lies behind memory_limit, 0x%" PRIx64,
				 read->memory_start, read->memory_limit);
	struct profile_mapping mapping = { .id = reader->mappings.num_elements, .start = read->memory_start,
					   .limit = read->memory_limit, .offset = read->file_offset };
	char *path = copy_string(reader, read->filename);
	char *build_id = path ? copy_string(reader, read->build_id) : NULL;
	reader->ranges[mapping.id - 1] = (struct range){ mapping.start, mapping.limit };
	mapping.path = path;
	mapping.build_id = build_id;
	bool is_taken = build_id && reader->sink->mapping(reader->sink->context, &mapping);
	free(path);
	free(build_id);
	return is_taken;
}

// The number of a location's mapping; an empty one stands for the whole program (Go's readers make such).
static bool find_mapping(struct reader *reader, const Perftools__Profiles__Location *location, uint32_t *number)
{
	*number = 0;
	if (location->mapping_id == 0)
		return true;
	uint32_t found = ids_find(&reader->mappings, location->mapping_id, reader->error);
	if (!found)
		return false;
	const struct range *range = &reader->ranges[found - 1];
	if (range->start == range->limit || (location->address >= range->start && location->address < range->limit))
		*number = found;
	return true;
}

// The string that names the function of the first line; 0 if there is none.
static bool find_function(struct reader *reader, const Perftools__Profiles__Location *location, int64_t *name)
{
	*name = 0;
	for (size_t i = 0; i < location->n_line; i++) {
		uint64_t id = location->line[i]->function_id;
		uint32_t found = id ? ids_find(&reader->functions, id, reader->error) : 0;
		if (id && !found)
			return false;
		if (found && i == 0)
			*name = reader->function_names[found - 1];
	}
	return true;
}

static bool push_location(void *context, const Profile *part)
{
	struct reader *reader = context;
	const Perftools__Profiles__Location *read = part->location[0];
	struct profile_location location = { .address = read->address };
	int64_t name;
	if (!ids_add(&reader->locations, read->id, reader->error) || !find_mapping(reader, read, &location.mapping_id) ||
	    !find_function(reader, read, &name))
		return false;
	char *function = copy_string(reader, name);
	if (!function)
		return false;
	location.id = reader->locations.num_elements;
	location.function = *function ? function : NULL;
	bool is_taken = reader->sink->location(reader->sink->context, &location);
	free(function);
	return is_taken;
}

static bool push_sample(void *context, const Profile *part)
{
	struct reader *reader = context;
	const Perftools__Profiles__Sample *read = part->sample[0];
	if (read->n_value != PROFILE_NUM_VALUES)
		return error_set(reader->error, "%zu values instead of %d", read->n_value, PROFILE_NUM_VALUES);
	uint32_t *numbers = memory_get(read->n_location_id, sizeof(*numbers));
	struct profile_sample sample = { .location_ids = numbers, .num_locations = read->n_location_id };
	bool is_taken = true;
	for (int i = 0; i < PROFILE_NUM_VALUES; i++)
		sample.values[i] = read->value[reader->columns[i]];
	for (size_t i = 0; i < read->n_location_id && is_taken; i++)
		is_taken = (numbers[i] = ids_find(&reader->locations, read->location_id[i], reader->error)) != 0;
	is_taken = is_taken && reader->sink->sample(reader->sink->context, &sample);
	free(numbers);
	return is_taken;
}

static void make_tables(struct reader *reader)
{
	const uint32_t *num_fields = reader->document.num_fields;
	ids_init(&reader->mappings, "mapping", num_fields[DOCUMENT_MAPPING]);
	ids_init(&reader->locations, "location", num_fields[DOCUMENT_LOCATION]);
	ids_init(&reader->functions, "function", num_fields[DOCUMENT_FUNCTION]);
	reader->ranges = memory_get(num_fields[DOCUMENT_MAPPING], sizeof(*reader->ranges));
	reader->function_names = memory_get(num_fields[DOCUMENT_FUNCTION], sizeof(*reader->function_names));
}

// In the order in which a sink wants the parts; a file may have them in any.
static bool push_profile(struct reader *reader)
{
	return push_description(reader) && visit(reader, DOCUMENT_COMMENT, "comment", push_comments) &&
	       visit(reader, DOCUMENT_MAPPING, "mapping", push_mapping) && ids_sort(&reader->mappings, reader->error) &&
	       visit(reader, DOCUMENT_FUNCTION, "function", take_function) && ids_sort(&reader->functions, reader->error) &&
	       visit(reader, DOCUMENT_LOCATION, "location", push_location) && ids_sort(&reader->locations, reader->error) &&
	       visit(reader, DOCUMENT_SAMPLE, "sample", push_sample);
}

static bool read_input(const struct input *input, const struct profile_sink *sink, struct error *error)
{
	struct reader reader = { .sink = sink, .error = error };
	bool is_read = document_init(&reader.document, input, error);
	if (is_read) {
		make_tables(&reader);
		is_read = push_profile(&reader);
	}
	document_deinit(&reader.document);
	ids_deinit(&reader.mappings);
	ids_deinit(&reader.locations);
	ids_deinit(&reader.functions);
	free(reader.ranges);
	free(reader.function_names);
	return is_read;
}

bool reader_read_file(const char *path, const struct profile_sink *sink, struct error *error)
{
	struct input input;
	*error->message = 0;
	if (!input_init_file(&input, path, READER_MAX_BYTES, error))
		return error_prefix(error, path);
	return read_input(&input, sink, error) || (*error->message && error_prefix(error, path));
}

bool reader_read_bytes(const char *name, const void *bytes, size_t num_bytes, const struct profile_sink *sink,
		       struct error *error)
{
	struct input input;
	*error->message = 0;
	if (!input_init_bytes(&input, bytes, num_bytes, READER_MAX_BYTES, error))
		return error_prefix(error, name);
	return read_input(&input, sink, error) || (*error->message && error_prefix(error, name));
}
