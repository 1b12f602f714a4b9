// SPDX-License-Identifier: Apache-2.0
// Writer: a profile as a gzipped profile.proto.  BOTH worlds.
#include "pprof/writer.h"

#include <errno.h>
#include <string.h>

#include "profile.pb-c.h"

typedef Perftools__Profiles__Profile Profile;
typedef Perftools__Profiles__ValueType ValueType;

// A string that was written lately, so that what is said again and again (labels, files) is there once.
struct writer_string {
	int64_t index; // 0: none
	char bytes[WRITER_STRING_BYTES];
};

// Where what a message points to is put together.
struct writer_scratch {
	uint64_t location_ids[PROFILE_MAX_LOCATIONS];
	Perftools__Profiles__Line lines[PROFILE_MAX_LINES], *line_pointers[PROFILE_MAX_LINES];
	Perftools__Profiles__Label labels[PROFILE_MAX_LABELS], *label_pointers[PROFILE_MAX_LABELS];
};

_Static_assert(OUTPUT_ARENA_BYTES + WRITER_PACKED_BYTES + sizeof(struct writer_scratch) +
		       WRITER_NUM_STRINGS * sizeof(struct writer_string) + 4096 <= WRITER_ARENA_BYTES,
	       "the arena has room for all of it");

// Returns false.
static bool fail(struct writer *writer, int error)
{
	if (!writer->output.error)
		writer->output.error = error;
	return false;
}

static bool is_well(const struct writer *writer)
{
	return writer->output.error == 0;
}

static void write_part(struct writer *writer, const Profile *part)
{
	size_t num_bytes = perftools__profiles__profile__get_packed_size(part);
	if (!writer->packed || num_bytes > WRITER_PACKED_BYTES) {
		fail(writer, ENOMEM);
		return;
	}
	perftools__profiles__profile__pack(part, writer->packed);
	output_write(&writer->output, writer->packed, num_bytes);
}

static int64_t write_string(struct writer *writer, const char *string)
{
	Profile part = PERFTOOLS__PROFILES__PROFILE__INIT;
	char *strings[] = { (char *)string };
	part.n_string_table = 1;
	part.string_table = strings;
	write_part(writer, &part);
	return writer->num_strings++;
}

// FNV-1a (Fowler, Noll, Vo), to choose a place; the length is left in *num_bytes.
static size_t find_place(const char *string, size_t *num_bytes)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	for (*num_bytes = 0; string[*num_bytes]; ++*num_bytes)
		hash = (hash ^ (unsigned char)string[*num_bytes]) * UINT64_C(0x100000001b3);
	return (hash ^ hash >> 32) % WRITER_NUM_STRINGS;
}

// The index of a string, which is written if it was not lately; 0 for the empty one.
static int64_t add_string(struct writer *writer, const char *string)
{
	size_t num_bytes, place = find_place(string, &num_bytes);
	struct writer_string *last = writer->strings ? &writer->strings[place] : NULL;
	if (num_bytes == 0)
		return 0;
	if (!last || num_bytes >= WRITER_STRING_BYTES)
		return write_string(writer, string);
	if (!last->index || strcmp(last->bytes, string) != 0) {
		memcpy(last->bytes, string, num_bytes + 1);
		last->index = write_string(writer, string);
	}
	return last->index;
}

static ValueType make_type(struct writer *writer, const struct profile_type *type)
{
	ValueType made = PERFTOOLS__PROFILES__VALUE_TYPE__INIT;
	made.type = add_string(writer, type->type);
	made.unit = add_string(writer, type->unit);
	return made;
}

static bool write_type(struct writer *writer, const struct profile_type *type)
{
	Profile part = PERFTOOLS__PROFILES__PROFILE__INIT;
	ValueType written = make_type(writer, type), *pointer = &written;
	part.n_sample_type = 1;
	part.sample_type = &pointer;
	write_part(writer, &part);
	return is_well(writer);
}

static bool write_description(void *context, const struct profile_description *description)
{
	struct writer *writer = context;
	Profile part = PERFTOOLS__PROFILES__PROFILE__INIT;
	write_string(writer, "");
	writer->num_types = description->num_types;
	for (size_t i = 0; i < description->num_types; i++)
		write_type(writer, &description->types[i]);
	ValueType period_type = make_type(writer, &description->period_type);
	if (period_type.type || period_type.unit)
		part.period_type = &period_type;
	part.period = description->period;
	part.time_nanos = description->time_ns;
	part.duration_nanos = description->duration_ns;
	part.default_sample_type = add_string(writer, description->default_type);
	part.drop_frames = add_string(writer, description->drop_frames);
	part.keep_frames = add_string(writer, description->keep_frames);
	write_part(writer, &part);
	return is_well(writer);
}

static bool write_comment(void *context, const char *comment)
{
	struct writer *writer = context;
	Profile part = PERFTOOLS__PROFILES__PROFILE__INIT;
	int64_t comments[] = { add_string(writer, comment) };
	part.n_comment = 1;
	part.comment = comments;
	write_part(writer, &part);
	return is_well(writer);
}

static bool write_mapping(void *context, const struct profile_mapping *mapping)
{
	struct writer *writer = context;
	Profile part = PERFTOOLS__PROFILES__PROFILE__INIT;
	Perftools__Profiles__Mapping written = PERFTOOLS__PROFILES__MAPPING__INIT, *pointer = &written;
	written.id = mapping->id;
	written.memory_start = mapping->start;
	written.memory_limit = mapping->limit;
	written.file_offset = mapping->offset;
	written.filename = add_string(writer, mapping->path);
	written.build_id = add_string(writer, mapping->build_id);
	written.has_functions = mapping->has_functions;
	written.has_filenames = mapping->has_filenames;
	written.has_line_numbers = mapping->has_line_numbers;
	written.has_inline_frames = mapping->has_inline_frames;
	part.n_mapping = 1;
	part.mapping = &pointer;
	write_part(writer, &part);
	return is_well(writer);
}

static bool write_function(void *context, const struct profile_function *function)
{
	struct writer *writer = context;
	Profile part = PERFTOOLS__PROFILES__PROFILE__INIT;
	Perftools__Profiles__Function written = PERFTOOLS__PROFILES__FUNCTION__INIT, *pointer = &written;
	written.id = function->id;
	written.name = add_string(writer, function->name);
	written.system_name = add_string(writer, function->system_name);
	written.filename = add_string(writer, function->filename);
	written.start_line = function->start_line;
	part.n_function = 1;
	part.function = &pointer;
	write_part(writer, &part);
	return is_well(writer);
}

static bool write_location(void *context, const struct profile_location *location)
{
	struct writer *writer = context;
	Profile part = PERFTOOLS__PROFILES__PROFILE__INIT;
	Perftools__Profiles__Location written = PERFTOOLS__PROFILES__LOCATION__INIT, *pointer = &written;
	written.id = location->id;
	written.mapping_id = location->mapping_id;
	written.address = location->address;
	written.is_folded = location->is_folded;
	if (!writer->scratch || location->num_lines > PROFILE_MAX_LINES)
		return fail(writer, ENOMEM);
	written.n_line = location->num_lines;
	written.line = writer->scratch->line_pointers;
	for (size_t i = 0; i < location->num_lines; i++) {
		Perftools__Profiles__Line *line = written.line[i] = &writer->scratch->lines[i];
		perftools__profiles__line__init(line);
		line->function_id = location->lines[i].function_id;
		line->line = location->lines[i].line;
		line->column = location->lines[i].column;
	}
	part.n_location = 1;
	part.location = &pointer;
	write_part(writer, &part);
	return is_well(writer);
}

static Perftools__Profiles__Label make_label(struct writer *writer, const struct profile_label *label)
{
	Perftools__Profiles__Label made = PERFTOOLS__PROFILES__LABEL__INIT;
	made.key = add_string(writer, label->key);
	if (label->string) {
		made.str = add_string(writer, label->string);
	} else {
		made.num = label->number;
		made.num_unit = add_string(writer, label->unit);
	}
	return made;
}

static bool write_sample(void *context, const struct profile_sample *sample)
{
	struct writer *writer = context;
	struct writer_scratch *scratch = writer->scratch;
	Profile part = PERFTOOLS__PROFILES__PROFILE__INIT;
	Perftools__Profiles__Sample written = PERFTOOLS__PROFILES__SAMPLE__INIT, *pointer = &written;
	if (!scratch || sample->num_locations > PROFILE_MAX_LOCATIONS || sample->num_labels > PROFILE_MAX_LABELS)
		return fail(writer, ENOMEM);
	written.n_location_id = sample->num_locations;
	written.location_id = scratch->location_ids;
	for (size_t i = 0; i < sample->num_locations; i++)
		scratch->location_ids[i] = sample->location_ids[i];
	written.n_value = writer->num_types;
	written.value = (int64_t *)sample->values;
	written.n_label = sample->num_labels;
	written.label = scratch->label_pointers;
	for (size_t i = 0; i < sample->num_labels; i++) {
		scratch->labels[i] = make_label(writer, &sample->labels[i]);
		scratch->label_pointers[i] = &scratch->labels[i];
	}
	part.n_sample = 1;
	part.sample = &pointer;
	write_part(writer, &part);
	return is_well(writer);
}

void writer_begin(struct writer *writer, struct arena *arena, int fd)
{
	memset(writer, 0, sizeof(*writer));
	output_begin(&writer->output, arena, fd);
	writer->packed = arena_get(arena, WRITER_PACKED_BYTES);
	writer->scratch = arena_get(arena, sizeof(*writer->scratch));
	writer->strings = arena_get(arena, WRITER_NUM_STRINGS * sizeof(*writer->strings));
	writer->sink = (struct profile_sink){
		.context = writer,
		.description = write_description,
		.comment = write_comment,
		.mapping = write_mapping,
		.function = write_function,
		.location = write_location,
		.sample = write_sample,
	};
	if (!writer->packed || !writer->scratch || !writer->strings)
		fail(writer, ENOMEM);
}

int writer_end(struct writer *writer)
{
	return output_end(&writer->output);
}
