// SPDX-License-Identifier: Apache-2.0
// Writer: a heap profile as a gzipped profile.proto.  BOTH worlds.
#include "pprof/writer.h"

#include <errno.h>
#include <string.h>

#include "profile.pb-c.h"

#define PACKED_BYTES 65536
#define MAX_LOCATIONS 1024 // of one sample

typedef Perftools__Profiles__Profile Profile;

// The functions that programs allocate through are of no interest as the leaves of every stack.  The
// pattern must match a whole name, without parameters (google/pprof, profile/prune.go).
static const char drop_frames[] =
	"malloc|calloc|realloc|reallocarray|posix_memalign|aligned_alloc|memalign|valloc|pvalloc|"
	"operator new|operator new\\[\\]|_Znwm|_Znam|_Znwm.*align_val_t.*|_Znam.*align_val_t.*|"
	"std::allocator<.*>::allocate|std::allocator_traits<.*>::allocate|std::__new_allocator<.*>::allocate|"
	"__gnu_cxx::new_allocator<.*>::allocate";

static void write_part(struct writer *writer, const Profile *part)
{
	size_t num_bytes = perftools__profiles__profile__get_packed_size(part);
	if (!writer->packed || num_bytes > PACKED_BYTES) {
		if (!writer->output.error)
			writer->output.error = ENOMEM;
		return;
	}
	perftools__profiles__profile__pack(part, writer->packed);
	output_write(&writer->output, writer->packed, num_bytes);
}

static bool is_well(const struct writer *writer)
{
	return writer->output.error == 0;
}

// The index of a string, which is written; 0 for the empty one.
static int64_t add_string(struct writer *writer, const char *string)
{
	Profile part = PERFTOOLS__PROFILES__PROFILE__INIT;
	char *strings[] = { (char *)string };
	if (!*string && writer->num_strings > 0)
		return 0;
	part.n_string_table = 1;
	part.string_table = strings;
	write_part(writer, &part);
	return writer->num_strings++;
}

static bool write_description(void *context, const struct profile_description *description)
{
	static const char *const types[PROFILE_NUM_VALUES][2] = {
		[PROFILE_ALLOC_OBJECTS] = { "alloc_objects", "count" },
		[PROFILE_ALLOC_SPACE] = { "alloc_space", "bytes" },
		[PROFILE_INUSE_OBJECTS] = { "inuse_objects", "count" },
		[PROFILE_INUSE_SPACE] = { "inuse_space", "bytes" },
	};
	struct writer *writer = context;
	Profile part = PERFTOOLS__PROFILES__PROFILE__INIT;
	Perftools__Profiles__ValueType values[PROFILE_NUM_VALUES], *pointers[PROFILE_NUM_VALUES];
	Perftools__Profiles__ValueType period = PERFTOOLS__PROFILES__VALUE_TYPE__INIT;
	add_string(writer, "");
	for (int i = 0; i < PROFILE_NUM_VALUES; i++) {
		perftools__profiles__value_type__init(&values[i]);
		values[i].type = add_string(writer, types[i][0]);
		values[i].unit = add_string(writer, types[i][1]);
		pointers[i] = &values[i];
	}
	period.type = add_string(writer, "space");
	period.unit = values[PROFILE_INUSE_SPACE].unit;
	part.n_sample_type = PROFILE_NUM_VALUES;
	part.sample_type = pointers;
	part.period_type = &period;
	part.period = description->period_bytes;
	part.time_nanos = description->time_ns;
	part.duration_nanos = description->duration_ns;
	part.default_sample_type = values[PROFILE_INUSE_SPACE].type;
	part.drop_frames = add_string(writer, drop_frames);
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
	part.n_mapping = 1;
	part.mapping = &pointer;
	write_part(writer, &part);
	return is_well(writer);
}

static uint64_t add_function(struct writer *writer, const char *name)
{
	Profile part = PERFTOOLS__PROFILES__PROFILE__INIT;
	Perftools__Profiles__Function written = PERFTOOLS__PROFILES__FUNCTION__INIT, *pointer = &written;
	written.id = ++writer->num_functions;
	written.name = add_string(writer, name);
	written.system_name = written.name;
	part.n_function = 1;
	part.function = &pointer;
	write_part(writer, &part);
	return written.id;
}

static bool write_location(void *context, const struct profile_location *location)
{
	struct writer *writer = context;
	Profile part = PERFTOOLS__PROFILES__PROFILE__INIT;
	Perftools__Profiles__Location written = PERFTOOLS__PROFILES__LOCATION__INIT, *pointer = &written;
	Perftools__Profiles__Line line = PERFTOOLS__PROFILES__LINE__INIT, *lines = &line;
	written.id = location->id;
	written.mapping_id = location->mapping_id;
	written.address = location->address;
	if (location->function) {
		line.function_id = add_function(writer, location->function);
		written.n_line = 1;
		written.line = &lines;
	}
	part.n_location = 1;
	part.location = &pointer;
	write_part(writer, &part);
	return is_well(writer);
}

static bool write_sample(void *context, const struct profile_sample *sample)
{
	struct writer *writer = context;
	Profile part = PERFTOOLS__PROFILES__PROFILE__INIT;
	Perftools__Profiles__Sample written = PERFTOOLS__PROFILES__SAMPLE__INIT, *pointer = &written;
	if (!writer->location_ids)
		return false;
	written.n_location_id = sample->num_locations < MAX_LOCATIONS ? sample->num_locations : MAX_LOCATIONS;
	written.location_id = writer->location_ids;
	for (size_t i = 0; i < written.n_location_id; i++)
		writer->location_ids[i] = sample->location_ids[i];
	written.n_value = PROFILE_NUM_VALUES;
	written.value = (int64_t *)sample->values;
	part.n_sample = 1;
	part.sample = &pointer;
	write_part(writer, &part);
	return is_well(writer);
}

void writer_begin(struct writer *writer, struct arena *arena, int fd)
{
	memset(writer, 0, sizeof(*writer));
	output_begin(&writer->output, arena, fd);
	writer->packed = arena_get(arena, PACKED_BYTES);
	writer->location_ids = arena_get(arena, MAX_LOCATIONS * sizeof(uint64_t));
	writer->sink = (struct profile_sink){
		.context = writer,
		.description = write_description,
		.comment = write_comment,
		.mapping = write_mapping,
		.location = write_location,
		.sample = write_sample,
	};
	if (!writer->packed || !writer->location_ids)
		writer->output.error = ENOMEM;
}

int writer_end(struct writer *writer)
{
	return output_end(&writer->output);
}
