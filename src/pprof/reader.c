// SPDX-License-Identifier: Apache-2.0
// Reader: the profile in a file of profile.proto.  OUTSIDE.
#include "pprof/reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "pprof/document.h"
#include "pprof/ids.h"

typedef Perftools__Profiles__Profile Profile;

// What all mentions of strings may come to, so that a small file cannot keep whoever takes them busy for hours: it may
// name a long one in each of its parts.
#define MIN_SAID_BYTES (UINT64_C(4) << 30)
#define MAX_SAID_PER_BYTE 64 // of the message

struct reader {
	struct document document;
	const struct profile_sink *sink;
	struct error *error;
	struct ids mappings, functions, locations;
	struct profile_type types[PROFILE_MAX_TYPES];
	struct profile_description description;
	uint64_t said_bytes; // of strings, so far
	// What the part that is being pushed points to.
	uint32_t numbers[PROFILE_MAX_LOCATIONS];
	struct profile_line lines[PROFILE_MAX_LINES];
	struct profile_label labels[PROFILE_MAX_LABELS];
};

// False, with an error, if there is no such string.
static bool get_string(struct reader *reader, int64_t index, const char **string)
{
	*string = document_get_string(&reader->document, index, reader->error);
	if (!*string)
		return false;
	reader->said_bytes += strlen(*string);
	return reader->said_bytes <= MIN_SAID_BYTES + reader->document.input.num_bytes * MAX_SAID_PER_BYTE ||
	       error_set(reader->error, "long strings are named too often");
}

static bool visit(struct reader *reader, enum document_field number, const char *kind,
		  bool (*take)(void *context, const Profile *part))
{
	return document_visit(&reader->document, number, kind, take, reader, reader->error);
}

static bool get_type(struct reader *reader, const Perftools__Profiles__ValueType *read, struct profile_type *type)
{
	return get_string(reader, read->type, &type->type) && get_string(reader, read->unit, &type->unit);
}

static bool take_type(void *context, const Profile *part)
{
	struct reader *reader = context;
	struct profile_description *description = &reader->description;
	struct profile_type *type = &reader->types[description->num_types];
	if (description->num_types == PROFILE_MAX_TYPES)
		return error_set(reader->error, "accepted are up to %d", PROFILE_MAX_TYPES);
	if (!get_type(reader, part->sample_type[0], type))
		return false;
	for (size_t i = 0; i < description->num_types; i++)
		if (strcmp(reader->types[i].type, type->type) == 0 && strcmp(reader->types[i].unit, type->unit) == 0)
			return error_set(reader->error, "%s/%s: the same type twice", type->type, type->unit);
	description->num_types++;
	return true;
}

static bool take_period_type(void *context, const Profile *part)
{
	struct reader *reader = context;
	return get_type(reader, part->period_type, &reader->description.period_type);
}

// One of the numbers or strings; the others are 0.
static bool take_number(void *context, const Profile *part)
{
	struct reader *reader = context;
	struct profile_description *description = &reader->description;
	if (part->period < 0 || part->duration_nanos < 0)
		return error_set(reader->error, "negative");
	if (part->period)
		description->period = part->period;
	if (part->time_nanos)
		description->time_ns = part->time_nanos;
	if (part->duration_nanos)
		description->duration_ns = part->duration_nanos;
	return (!part->default_sample_type || get_string(reader, part->default_sample_type, &description->default_type)) &&
	       (!part->drop_frames || get_string(reader, part->drop_frames, &description->drop_frames)) &&
	       (!part->keep_frames || get_string(reader, part->keep_frames, &description->keep_frames));
}

static bool push_description(struct reader *reader)
{
	reader->description = (struct profile_description){ .types = reader->types, .default_type = "",
							    .period_type = { "", "" }, .drop_frames = "", .keep_frames = "" };
	if (!visit(reader, DOCUMENT_SAMPLE_TYPE, "sample_type", take_type))
		return false;
	if (!reader->description.num_types)
		return error_set(reader->error, "not a profile: it has no sample_type");
	return visit(reader, DOCUMENT_PERIOD_TYPE, "period_type", take_period_type) &&
	       visit(reader, DOCUMENT_PERIOD, "period", take_number) &&
	       visit(reader, DOCUMENT_TIME, "time_nanos", take_number) &&
	       visit(reader, DOCUMENT_DURATION, "duration_nanos", take_number) &&
	       visit(reader, DOCUMENT_DEFAULT_TYPE, "default_sample_type", take_number) &&
	       visit(reader, DOCUMENT_DROP_FRAMES, "drop_frames", take_number) &&
	       visit(reader, DOCUMENT_KEEP_FRAMES, "keep_frames", take_number) &&
	       reader->sink->description(reader->sink->context, &reader->description);
}

static bool push_comments(void *context, const Profile *part)
{
	struct reader *reader = context;
	const char *comment;
	for (size_t i = 0; i < part->n_comment; i++)
		if (!get_string(reader, part->comment[i], &comment) || !reader->sink->comment(reader->sink->context, comment))
			return false;
	return true;
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
	struct profile_mapping mapping = {
		.id = reader->mappings.num_elements,
		.start = read->memory_start,
		.limit = read->memory_limit,
		.offset = read->file_offset,
		.has_functions = read->has_functions,
		.has_filenames = read->has_filenames,
		.has_line_numbers = read->has_line_numbers,
		.has_inline_frames = read->has_inline_frames,
	};
	return get_string(reader, read->filename, &mapping.path) && get_string(reader, read->build_id, &mapping.build_id) &&
	       reader->sink->mapping(reader->sink->context, &mapping);
}

static bool push_function(void *context, const Profile *part)
{
	struct reader *reader = context;
	const Perftools__Profiles__Function *read = part->function[0];
	struct profile_function function = { .start_line = read->start_line };
	if (!ids_add(&reader->functions, read->id, reader->error))
		return false;
	function.id = reader->functions.num_elements;
	return get_string(reader, read->name, &function.name) && get_string(reader, read->system_name, &function.system_name) &&
	       get_string(reader, read->filename, &function.filename) &&
	       reader->sink->function(reader->sink->context, &function);
}

// The number of the element with an id; 0 stands for none.
static bool find(struct reader *reader, const struct ids *ids, uint64_t id, uint32_t *number)
{
	*number = id ? ids_find(ids, id, reader->error) : 0;
	return !id || *number;
}

static bool push_location(void *context, const Profile *part)
{
	struct reader *reader = context;
	const Perftools__Profiles__Location *read = part->location[0];
	struct profile_location location = { .address = read->address, .lines = reader->lines, .num_lines = read->n_line,
					     .is_folded = read->is_folded };
	if (!ids_add(&reader->locations, read->id, reader->error) ||
	    !find(reader, &reader->mappings, read->mapping_id, &location.mapping_id))
		return false;
	if (read->n_line > PROFILE_MAX_LINES)
		return error_set(reader->error, "%zu lines; accepted are up to %d", read->n_line, PROFILE_MAX_LINES);
	for (size_t i = 0; i < read->n_line; i++) {
		reader->lines[i] = (struct profile_line){ .line = read->line[i]->line, .column = read->line[i]->column };
		if (!find(reader, &reader->functions, read->line[i]->function_id, &reader->lines[i].function_id))
			return false;
	}
	location.id = reader->locations.num_elements;
	return reader->sink->location(reader->sink->context, &location);
}

static bool take_label(struct reader *reader, const Perftools__Profiles__Label *read, struct profile_label *label)
{
	*label = (struct profile_label){ .number = read->num, .unit = "" };
	return get_string(reader, read->key, &label->key) && (!read->str || get_string(reader, read->str, &label->string)) &&
	       get_string(reader, read->num_unit, &label->unit);
}

static bool push_sample(void *context, const Profile *part)
{
	struct reader *reader = context;
	const Perftools__Profiles__Sample *read = part->sample[0];
	const struct profile_sample sample = { .location_ids = reader->numbers, .num_locations = read->n_location_id,
					       .values = read->value, .labels = reader->labels, .num_labels = read->n_label };
	if (read->n_value != reader->description.num_types)
		return error_set(reader->error, "%zu values instead of %zu", read->n_value, reader->description.num_types);
	if (read->n_location_id > PROFILE_MAX_LOCATIONS || read->n_label > PROFILE_MAX_LABELS)
		return error_set(reader->error, "%zu frames and %zu labels; accepted are up to %d and %d", read->n_location_id,
				 read->n_label, PROFILE_MAX_LOCATIONS, PROFILE_MAX_LABELS);
	for (size_t i = 0; i < read->n_location_id; i++)
		if (!(reader->numbers[i] = ids_find(&reader->locations, read->location_id[i], reader->error)))
			return false;
	for (size_t i = 0; i < read->n_label; i++)
		if (!take_label(reader, read->label[i], &reader->labels[i]))
			return false;
	return reader->sink->sample(reader->sink->context, &sample);
}

static void make_tables(struct reader *reader)
{
	const uint32_t *num_fields = reader->document.num_fields;
	ids_init(&reader->mappings, "mapping", num_fields[DOCUMENT_MAPPING]);
	ids_init(&reader->functions, "function", num_fields[DOCUMENT_FUNCTION]);
	ids_init(&reader->locations, "location", num_fields[DOCUMENT_LOCATION]);
}

// In the order in which a sink wants the parts; a file may have them in any.
static bool push_profile(struct reader *reader)
{
	return push_description(reader) && visit(reader, DOCUMENT_COMMENT, "comment", push_comments) &&
	       visit(reader, DOCUMENT_MAPPING, "mapping", push_mapping) && ids_sort(&reader->mappings, reader->error) &&
	       visit(reader, DOCUMENT_FUNCTION, "function", push_function) && ids_sort(&reader->functions, reader->error) &&
	       visit(reader, DOCUMENT_LOCATION, "location", push_location) && ids_sort(&reader->locations, reader->error) &&
	       visit(reader, DOCUMENT_SAMPLE, "sample", push_sample);
}

static bool read_input(const struct input *input, const struct profile_sink *sink, struct error *error)
{
	struct reader *reader = memory_get(1, sizeof(*reader));
	reader->sink = sink;
	reader->error = error;
	bool is_read = document_init(&reader->document, input, error);
	if (is_read) {
		make_tables(reader);
		is_read = push_profile(reader);
	}
	document_deinit(&reader->document);
	ids_deinit(&reader->mappings);
	ids_deinit(&reader->functions);
	ids_deinit(&reader->locations);
	free(reader);
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

bool reader_read_stream(const char *name, int fd, const struct profile_sink *sink, struct error *error)
{
	struct input input;
	*error->message = 0;
	if (!input_init_stream(&input, fd, READER_MAX_BYTES, error))
		return error_prefix(error, name);
	return read_input(&input, sink, error) || (*error->message && error_prefix(error, name));
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
