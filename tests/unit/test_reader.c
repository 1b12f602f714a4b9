// SPDX-License-Identifier: Apache-2.0
// What the writer wrote is read back the same; what cannot be right is refused by name.
#include "unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "pprof/input.h"
#include "pprof/reader.h"
#include "pprof/writer.h"
#include "profile.pb-c.h"
#include "unit/recorder.h"

#define NUM(array) (sizeof(array) / sizeof((array)[0]))

static struct error error;

static const char *const strings[] = { "", "alloc_objects", "count", "alloc_space", "bytes", "inuse_objects",
				       "inuse_space", "space", "/bin/x", "ab12", "main", "leaf", "a comment" };

// A profile whose parts a test may spoil.
struct example {
	Perftools__Profiles__Profile profile;
	Perftools__Profiles__ValueType types[5], period_type;
	Perftools__Profiles__Mapping mappings[2];
	Perftools__Profiles__Function functions[2];
	Perftools__Profiles__Line lines[3];
	Perftools__Profiles__Location locations[2];
	Perftools__Profiles__Sample sample;
	Perftools__Profiles__Label labels[2];
	char *strings[NUM(strings)];
	void *type_pointers[5], *mapping_pointers[2], *function_pointers[2], *line_pointers[3];
	void *location_pointers[2], *sample_pointers[1], *label_pointers[2];
	uint64_t location_ids[2];
	int64_t values[5], comment;
};

#define POINT(list, pointers, elements, num)              \
	do {                                              \
		for (size_t i_ = 0; i_ < (num); i_++)     \
			(pointers)[i_] = &(elements)[i_]; \
		(list) = (void *)(pointers);              \
	} while (0)

static void make_code(struct example *example)
{
	perftools__profiles__mapping__init(&example->mappings[0]);
	example->mappings[1] = example->mappings[0];
	example->mappings[0].id = 70;
	example->mappings[0].memory_start = 0x400000;
	example->mappings[0].memory_limit = 0x500000;
	example->mappings[0].file_offset = 0x1000;
	example->mappings[0].filename = 8;
	example->mappings[0].build_id = 9;
	example->mappings[1].id = 7;
	for (int i = 0; i < 2; i++) {
		perftools__profiles__function__init(&example->functions[i]);
		example->functions[i].id = 100 - (uint64_t)i;
		example->functions[i].name = 10 + i;
		perftools__profiles__location__init(&example->locations[i]);
		example->locations[i].id = UINT64_MAX - (uint64_t)i;
		example->locations[i].mapping_id = 70;
		example->locations[i].address = 0x400010 + (uint64_t)i;
	}
	for (int i = 0; i < 3; i++)
		perftools__profiles__line__init(&example->lines[i]);
	example->lines[0].function_id = 99;
	example->lines[1].function_id = 100;
	example->lines[1].line = 12;
	example->functions[0].system_name = 10;
	example->locations[0].n_line = 2;
	POINT(example->locations[0].line, example->line_pointers, example->lines, 3);
}

static struct example *make(void)
{
	static struct example storage;
	struct example *example = &storage;
	memset(example, 0, sizeof(*example));
	perftools__profiles__profile__init(&example->profile);
	for (size_t i = 0; i < NUM(strings); i++)
		example->strings[i] = (char *)strings[i];
	for (int i = 0; i < 5; i++)
		perftools__profiles__value_type__init(&example->types[i]);
	static const int types[5][2] = { { 1, 2 }, { 3, 4 }, { 5, 2 }, { 6, 4 }, { 6, 4 } };
	for (int i = 0; i < 5; i++) {
		example->types[i].type = types[i][0];
		example->types[i].unit = types[i][1];
	}
	perftools__profiles__value_type__init(&example->period_type);
	example->period_type.type = 7;
	example->period_type.unit = 4;
	make_code(example);
	for (int i = 0; i < 2; i++)
		perftools__profiles__label__init(&example->labels[i]);
	example->labels[0].key = 12;
	example->labels[0].str = 10;
	example->labels[1].key = 11;
	example->labels[1].num = -3;
	example->labels[1].num_unit = 2;
	perftools__profiles__sample__init(&example->sample);
	example->location_ids[0] = UINT64_MAX;
	example->location_ids[1] = UINT64_MAX - 1;
	for (int i = 0; i < 5; i++)
		example->values[i] = 10 - i * 5;
	example->sample.n_location_id = 2;
	example->sample.location_id = example->location_ids;
	example->sample.n_value = 4;
	example->sample.value = example->values;
	example->sample.n_label = 2;
	POINT(example->sample.label, example->label_pointers, example->labels, 2);
	example->comment = 12;
	Perftools__Profiles__Profile *profile = &example->profile;
	profile->n_string_table = NUM(strings);
	profile->string_table = example->strings;
	profile->n_sample_type = 4;
	POINT(profile->sample_type, example->type_pointers, example->types, 5);
	profile->period_type = &example->period_type;
	profile->period = 4096;
	profile->time_nanos = 77;
	profile->default_sample_type = 6;
	profile->duration_nanos = 5;
	profile->n_comment = 1;
	profile->comment = &example->comment;
	profile->n_mapping = 2;
	POINT(profile->mapping, example->mapping_pointers, example->mappings, 2);
	profile->n_function = 2;
	POINT(profile->function, example->function_pointers, example->functions, 2);
	profile->n_location = 2;
	POINT(profile->location, example->location_pointers, example->locations, 2);
	profile->n_sample = 1;
	POINT(profile->sample, example->sample_pointers, &example->sample, 1);
	return example;
}

// Read an example: what was pushed, or the error.  Valid until the next call.
static const char *read_bytes(const void *bytes, size_t num_bytes)
{
	static char *text;
	struct recorder recorder;
	recorder_init(&recorder);
	bool is_read = reader_read_bytes("x.pb.gz", bytes, num_bytes, &recorder.sink, &error);
	free(text);
	text = strdup(is_read ? recorder_text(&recorder) : error.message);
	recorder_deinit(&recorder);
	return text;
}

static const char *read_example(const struct example *example)
{
	static unsigned char bytes[4 << 20];
	return read_bytes(bytes, perftools__profiles__profile__pack(&example->profile, bytes));
}

static const char example_text[] = "period 4096 time 77 duration 5 default 'inuse_space'\n"
				   "# a comment\n"
				   "mapping 1: 400000-500000 1000 '/bin/x' 'ab12'\n"
				   "mapping 2: 0-0 0 '' ''\n"
				   "function 1: 'main' system 'main'\n"
				   "function 2: 'leaf'\n"
				   "location 1: 1 400010 f2 f1:12\n"
				   "location 2: 1 400011 -\n"
				   "sample 1 2: 10 5 0 -5 a comment='main' leaf=-3count\n";

static void test_a_profile_is_read_with_ids_by_number(void **state)
{
	(void)state;
	assert_string_equal(read_example(make()), example_text);
}

// All that a profile may have.
static void push_parts(const struct profile_sink *sink)
{
	static char names[PROFILE_MAX_TYPES][16];
	struct profile_type types[PROFILE_MAX_TYPES];
	int64_t values[PROFILE_MAX_TYPES] = { INT64_MAX, INT64_MIN, 0, -1 };
	for (int i = 0; i < PROFILE_MAX_TYPES; i++) {
		snprintf(names[i], sizeof(names[i]), "type_%d", i);
		types[i] = (struct profile_type){ names[i], i % 2 ? "" : names[i] + 4 };
		values[i] += i;
	}
	const struct profile_description description = {
		.types = types, .num_types = PROFILE_MAX_TYPES, .default_type = "type_7", .period_type = { "cpu", "nanoseconds" },
		.period = 1, .time_ns = 2, .duration_ns = 3, .drop_frames = "malloc|free", .keep_frames = "my_malloc",
	};
	const struct profile_mapping mappings[] = {
		{ .id = 1, .start = 0x1000, .limit = 0x2000, .offset = 0x3000, .path = "/bin/x y", .build_id = "" },
		{ .id = 2, .path = "", .build_id = "ab", .has_functions = true, .has_line_numbers = true },
		{ .id = 3, .path = "", .build_id = "cd", .has_filenames = true, .has_inline_frames = true },
	};
	const struct profile_function functions[] = {
		{ .id = 1, .name = "inlined(int)", .system_name = "_Z7inlinedi", .filename = "/src/a.h", .start_line = 10 },
		{ .id = 2, .name = "main", .system_name = "main", .filename = "/src/a.c", .start_line = -1 },
		{ .id = 3, .name = "[truncated]", .system_name = "", .filename = "" },
	};
	const struct profile_line lines[] = { { 1, 12, 3 }, { 2, 100, 0 }, { 0, 7, 0 }, { 3, 0, 0 } };
	const struct profile_location locations[] = {
		{ .id = 1, .mapping_id = 1, .address = 0x1fff, .lines = lines, .num_lines = 3 },
		{ .id = 2, .lines = lines + 3, .num_lines = 1 },
		{ .id = 3, .mapping_id = 2, .address = UINT64_MAX, .is_folded = true },
	};
	const struct profile_label labels[] = {
		{ .key = "thread", .string = "main", .unit = "" },
		{ .key = "bytes", .number = INT64_MIN, .unit = "" },
		{ .key = "time", .number = 5, .unit = "seconds" },
		{ .key = "thread", .string = "other", .unit = "" },
	};
	const uint32_t ids[] = { 3, 1, 2, 1 };
	const struct profile_sample sample = { .location_ids = ids, .num_locations = 4, .values = values, .labels = labels,
					       .num_labels = 4 };
	const struct profile_sample bare = { .values = values };
	sink->description(sink->context, &description);
	sink->comment(sink->context, "one");
	sink->comment(sink->context, "two");
	for (int i = 0; i < 3; i++)
		sink->mapping(sink->context, &mappings[i]);
	for (int i = 0; i < 3; i++)
		sink->function(sink->context, &functions[i]);
	for (int i = 0; i < 3; i++)
		sink->location(sink->context, &locations[i]);
	sink->sample(sink->context, &sample);
	sink->sample(sink->context, &bare);
}

static void assert_begins(const char *text, const char *beginning)
{
	assert_memory_equal(text, beginning, strlen(beginning));
}

// The recorder says all of it.
static void check_said(const char *text)
{
	assert_begins(text, "types type_0/_0, type_1/, type_2/_2,");
	assert_non_null(strstr(text, ", type_63/\nperiod 1 cpu/nanoseconds time 2 duration 3 default 'type_7' drop 'malloc|free' "
				     "keep 'my_malloc'\n# one\n# two\n"));
	assert_non_null(strstr(text, "mapping 2: 0-0 0 '' 'ab' functions lines\nmapping 3: 0-0 0 '' 'cd' filenames inlines\n"
				     "function 1: 'inlined(int)' system '_Z7inlinedi' file '/src/a.h' line 10\n"));
	assert_non_null(strstr(text, "location 1: 1 1fff f1:12:3 f2:100 f0:7\nlocation 2: 0 0 f3\n"
				     "location 3: 2 ffffffffffffffff - folded\n"
				     "sample 3 1 2 1: 9223372036854775807 -9223372036854775807 2 2 4 5 6 "));
	assert_non_null(strstr(text, " 63 thread='main' bytes=-9223372036854775808 time=5seconds thread='other'\nsample: "));
}

static void test_what_was_written_is_read(void **state)
{
	struct recorder written, read;
	struct arena arena;
	struct writer writer;
	char path[] = "/tmp/cairn-test-XXXXXX";
	int fd = mkstemp(path);
	(void)state;
	recorder_init(&written);
	recorder_init(&read);
	push_parts(&written.sink);
	arena_init(&arena, WRITER_ARENA_BYTES);
	writer_begin(&writer, &arena, fd);
	push_parts(&writer.sink);
	assert_int_equal(writer_end(&writer), 0);
	assert_true(reader_read_file(path, &read.sink, &error));
	assert_string_equal(recorder_text(&read), recorder_text(&written));
	check_said(recorder_text(&read));
	assert_int_equal(truncate(path, lseek(fd, 0, SEEK_CUR) - 1), 0);
	assert_false(reader_read_file(path, &read.sink, &error));
	assert_non_null(strstr(error.message, "gzip: truncated"));
	assert_memory_equal(error.message, path, strlen(path));
	recorder_deinit(&written);
	recorder_deinit(&read);
	arena_deinit(&arena);
	unlink(path);
	close(fd);
}

static void test_any_types_are_accepted(void **state)
{
	struct example *example = make();
	(void)state;
	Perftools__Profiles__ValueType first = example->types[0];
	example->types[0] = example->types[3];
	example->types[3] = first;
	example->types[1].type = 11;
	example->types[2].unit = 0;
	example->profile.period_type = NULL;
	const char *text = read_example(example);
	assert_begins(text, "types inuse_space/bytes, leaf/bytes, inuse_objects/, alloc_objects/count\nperiod 4096 / time");
	example = make();
	example->profile.n_sample_type = example->sample.n_value = 1;
	assert_begins(read_example(example), "types alloc_objects/count\n");
	assert_non_null(strstr(read_example(example), "\nsample 1 2: 10 a comment="));
}

static void test_the_number_of_types_has_a_limit(void **state)
{
	static Perftools__Profiles__ValueType types[PROFILE_MAX_TYPES + 1], *pointers[PROFILE_MAX_TYPES + 1];
	static int64_t values[PROFILE_MAX_TYPES];
	static char names[PROFILE_MAX_TYPES + 1][16], *names_read[PROFILE_MAX_TYPES + 2];
	struct example *example = make();
	(void)state;
	names_read[0] = "";
	for (int i = 0; i <= PROFILE_MAX_TYPES; i++) {
		snprintf(names[i], sizeof(names[i]), "name_%d", i);
		names_read[i + 1] = names[i];
		perftools__profiles__value_type__init(&types[i]);
		types[i].type = i + 1;
		pointers[i] = &types[i];
	}
	example->profile.n_string_table = PROFILE_MAX_TYPES + 2;
	example->profile.string_table = names_read;
	example->profile.sample_type = pointers;
	example->sample.value = values;
	example->profile.n_sample_type = example->sample.n_value = PROFILE_MAX_TYPES;
	assert_non_null(strstr(read_example(example), ", name_63/\n"));
	example->profile.n_sample_type++;
	assert_string_equal(read_example(example), "x.pb.gz: sample_type 65: accepted are up to 64");
}

static void test_each_wrong_part_is_named(void **state)
{
	struct example *example;
	(void)state;
#define REFUSES(change, message)   \
	example = make();          \
	change;                    \
	assert_string_equal(read_example(example), "x.pb.gz: " message)
	REFUSES(example->strings[0] = "x", "string 0: not empty");
	REFUSES(example->types[2].type = -1, "sample_type 3: string -1 does not exist");
	REFUSES(example->types[3].unit = 13, "sample_type 4: string 13 does not exist");
	REFUSES(example->profile.n_sample_type = 0, "not a profile: it has no sample_type");
	REFUSES(example->profile.n_sample_type = 5, "sample_type 5: inuse_space/bytes: the same type twice");
	REFUSES(example->period_type.type = 13, "period_type 1: string 13 does not exist");
	REFUSES(example->profile.default_sample_type = 13, "default_sample_type 1: string 13 does not exist");
	REFUSES(example->profile.drop_frames = 13, "drop_frames 1: string 13 does not exist");
	REFUSES(example->profile.keep_frames = -1, "keep_frames 1: string -1 does not exist");
	REFUSES(example->profile.period = -1, "period 1: negative");
	REFUSES(example->profile.duration_nanos = -1, "duration_nanos 1: negative");
	REFUSES(example->comment = 1 << 20, "comment 1: string 1048576 does not exist");
	REFUSES(example->mappings[1].id = 0, "mapping 2: its id is 0");
	REFUSES(example->mappings[1].id = 70, "mapping 2: has the id of another, 70");
	REFUSES(example->mappings[0].memory_limit = 1, "mapping 1: memory_start: 0x400000 lies behind memory_limit, 0x1");
	REFUSES(example->mappings[0].filename = INT64_MIN, "mapping 1: string -9223372036854775808 does not exist");
	REFUSES(example->mappings[0].build_id = 99, "mapping 1: string 99 does not exist");
	REFUSES(example->functions[0].id = 0, "function 1: its id is 0");
	REFUSES(example->functions[0].id = 99, "function 2: has the id of another, 99");
	REFUSES(example->functions[1].name = 99, "function 2: string 99 does not exist");
	REFUSES(example->functions[1].system_name = 99, "function 2: string 99 does not exist");
	REFUSES(example->functions[1].filename = 99, "function 2: string 99 does not exist");
	REFUSES(example->lines[0].function_id = 5, "location 1: function 5 does not exist");
	REFUSES(example->lines[1].function_id = 5, "location 1: function 5 does not exist");
	REFUSES(example->locations[1].mapping_id = 5, "location 2: mapping 5 does not exist");
	REFUSES(example->locations[1].id = 0, "location 2: its id is 0");
	REFUSES(example->locations[1].id = UINT64_MAX, "location 2: has the id of another, 18446744073709551615");
	REFUSES(example->location_ids[1] = 99, "sample 1: location 99 does not exist");
	REFUSES(example->location_ids[1] = 0, "sample 1: location 0 does not exist");
	REFUSES(example->sample.n_value = 3, "sample 1: 3 values instead of 4");
	REFUSES(example->sample.n_value = 5, "sample 1: 5 values instead of 4");
	REFUSES(example->labels[0].key = 99, "sample 1: string 99 does not exist");
	REFUSES(example->labels[0].str = 99, "sample 1: string 99 does not exist");
	REFUSES(example->labels[1].num_unit = 99, "sample 1: string 99 does not exist");
	REFUSES(example->profile.n_string_table = 0, "sample_type 1: string 1 does not exist");
}

static void test_a_location_outside_its_mapping_stays_in_it(void **state)
{
	struct example *example = make();
	(void)state;
	example->locations[0].address = 0x500000;
	example->locations[1].mapping_id = 7; // empty: of the whole program
	const char *text = read_example(example);
	assert_non_null(strstr(text, "location 1: 1 500000 f2 f1:12\n"));
	assert_non_null(strstr(text, "location 2: 2 400011 -\n"));
}

static void test_strings_that_are_no_names_are_refused(void **state)
{
	static char name[PROFILE_MAX_STRING_BYTES + 2];
	static const char with_zero[] = "\x32\x03" "a\0b"; // a string more
	unsigned char bytes[4096];
	struct example *example = make();
	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	example->strings[12] = name;
	assert_string_equal(read_example(example), "x.pb.gz: string 12: longer than 64 KiB");
	name[sizeof(name) - 2] = 0;
	assert_non_null(strstr(read_example(example), "xx\nmapping 1"));
	size_t num_bytes = perftools__profiles__profile__pack(&make()->profile, bytes);
	memcpy(bytes + num_bytes, with_zero, sizeof(with_zero) - 1);
	assert_string_equal(read_bytes(bytes, num_bytes + sizeof(with_zero) - 1), "x.pb.gz: string 13: has a zero byte in it");
}

static bool take_comment(void *context, const char *comment)
{
	++*(size_t *)context;
	return *comment == 'x';
}

static bool take_description(void *context, const struct profile_description *description)
{
	(void)context;
	return description->num_types == 4;
}

static void test_a_long_string_is_not_taken_without_end(void **state)
{
	static char name[PROFILE_MAX_STRING_BYTES + 1];
	static unsigned char bytes[2 << 20];
	static int64_t comments[100000];
	size_t num_comments = 0;
	const struct profile_sink sink = { .context = &num_comments, .description = take_description, .comment = take_comment };
	struct example *example = make();
	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	for (size_t i = 0; i < NUM(comments); i++)
		comments[i] = 12;
	example->strings[12] = name;
	example->profile.n_comment = NUM(comments);
	example->profile.comment = comments;
	size_t num_bytes = perftools__profiles__profile__pack(&example->profile, bytes);
	assert_false(reader_read_bytes("x.pb.gz", bytes, num_bytes, &sink, &error));
	assert_string_equal(error.message, "x.pb.gz: comment 1: long strings are named too often");
	assert_in_range(num_comments, (size_t)4 << 14, (size_t)5 << 14); // of 64 KiB: 4 GiB and a bit
}

static void test_a_part_that_is_too_large_is_refused(void **state)
{
	static uint64_t ids[(1 << 20) / 10];
	static Perftools__Profiles__Line line = PERFTOOLS__PROFILES__LINE__INIT, *lines[PROFILE_MAX_LINES + 1];
	static Perftools__Profiles__Label *labels[PROFILE_MAX_LABELS + 1];
	struct example *example = make();
	(void)state;
	for (size_t i = 0; i < NUM(ids); i++)
		ids[i] = UINT64_MAX;
	for (size_t i = 0; i < NUM(lines); i++)
		lines[i] = &line;
	for (size_t i = 0; i < NUM(labels); i++)
		labels[i] = &example->labels[1];
	example->sample.location_id = ids;
	example->sample.n_location_id = NUM(ids);
	assert_string_equal(read_example(example), "x.pb.gz: sample 1: larger than 1 MiB");
	example->sample.n_location_id = PROFILE_MAX_LOCATIONS + 1;
	assert_string_equal(read_example(example),
			    "x.pb.gz: sample 1: 16385 frames and 2 labels; accepted are up to 16384 and 1024");
	example->sample.n_location_id = PROFILE_MAX_LOCATIONS;
	assert_non_null(strstr(read_example(example), "sample 1 1 1"));
	example->sample.label = labels;
	example->sample.n_label = PROFILE_MAX_LABELS + 1;
	assert_string_equal(read_example(example),
			    "x.pb.gz: sample 1: 16384 frames and 1025 labels; accepted are up to 16384 and 1024");
	example->sample.n_label = PROFILE_MAX_LABELS;
	assert_non_null(strstr(read_example(example), " leaf=-3count leaf=-3count"));
	example->locations[0].line = lines;
	example->locations[0].n_line = PROFILE_MAX_LINES + 1;
	assert_string_equal(read_example(example), "x.pb.gz: location 1: 1025 lines; accepted are up to 1024");
	example->locations[0].n_line = PROFILE_MAX_LINES;
	assert_non_null(strstr(read_example(example), " f0 f0 f0"));
}

static void test_bytes_that_are_no_message_are_refused(void **state)
{
	(void)state;
	assert_string_equal(read_bytes("", 0), "x.pb.gz: empty, not a profile");
	assert_string_equal(read_bytes("\x32\x00\x0b", 3), "x.pb.gz: not a profile in pprof's format: no field begins at byte 2 of its message");
	assert_string_equal(read_bytes("\x32\x05xx", 4), "x.pb.gz: not a profile in pprof's format: no field begins at byte 0 of its message");
	assert_string_equal(read_bytes("\x07", 1), "x.pb.gz: not a profile in pprof's format: no field begins at byte 0 of its message");
	assert_string_equal(read_bytes("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11),
			    "x.pb.gz: not a profile in pprof's format: no field begins at byte 0 of its message");
	assert_string_equal(read_bytes("\x02\x00", 2), "x.pb.gz: not a profile in pprof's format: no field begins at byte 0 of its message");
	assert_string_equal(read_bytes("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12),
			    "x.pb.gz: not a profile in pprof's format: no field begins at byte 0 of its message");
	assert_string_equal(read_bytes("\x0a\x02\x08\x80", 4), "x.pb.gz: sample_type 1: malformed");
	assert_string_equal(read_bytes("\x08\x01", 2), "x.pb.gz: sample_type 1: malformed");
	assert_string_equal(read_bytes("\x30\x01", 2), "x.pb.gz: string 0: not a string");
	assert_string_equal(read_bytes("\x32\x00", 2), "x.pb.gz: not a profile: it has no sample_type");
}

// Append a gzip member.
static size_t compress_to(unsigned char *to, size_t room_bytes, const void *bytes, size_t num_bytes)
{
	z_stream stream = { .next_in = (Bytef *)bytes, .avail_in = (uInt)num_bytes, .next_out = to,
			    .avail_out = (uInt)room_bytes };
	assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
	deflateEnd(&stream);
	return room_bytes - stream.avail_out;
}

static void test_gzip_is_read_member_by_member_to_its_very_end(void **state)
{
	unsigned char plain[4096], zipped[8192];
	size_t num_plain = perftools__profiles__profile__pack(&make()->profile, plain);
	(void)state;
	size_t num_bytes = compress_to(zipped, 4096, plain, 50);
	num_bytes += compress_to(zipped + num_bytes, 4096, NULL, 0);
	num_bytes += compress_to(zipped + num_bytes, 4096, plain + 50, num_plain - 50);
	assert_string_equal(read_bytes(zipped, num_bytes), example_text);
	assert_string_equal(read_bytes(zipped, num_bytes - 1), "x.pb.gz: gzip: truncated");
	assert_string_equal(read_bytes(zipped, 1), "x.pb.gz: gzip: truncated");
	zipped[num_bytes] = 'x';
	assert_string_equal(read_bytes(zipped, num_bytes + 1), "x.pb.gz: gzip: truncated"); // half a header
	zipped[num_bytes + 1] = 'y';
	assert_string_equal(read_bytes(zipped, num_bytes + 2), "x.pb.gz: gzip: garbage after its end");
	zipped[num_bytes - 5] ^= 1;
	assert_string_equal(read_bytes(zipped, num_bytes), "x.pb.gz: gzip: incorrect data check");
}

static void test_input_has_a_limit(void **state)
{
	static unsigned char zeros[1 << 20], zipped[4096];
	struct input input;
	(void)state;
	size_t num_bytes = compress_to(zipped, sizeof(zipped), zeros, sizeof(zeros));
	assert_false(input_init_bytes(&input, zipped, num_bytes, sizeof(zeros) - 1, &error));
	assert_string_equal(error.message, "more than 0 MiB when decompressed");
	assert_false(input_init_bytes(&input, zeros, sizeof(zeros), sizeof(zeros) - 1, &error));
	assert_true(input_init_bytes(&input, zipped, num_bytes, sizeof(zeros), &error));
	assert_int_equal(input.num_bytes, sizeof(zeros));
	assert_memory_equal(input.bytes, zeros, sizeof(zeros));
	input_deinit(&input);
}

static void test_only_regular_files_are_read(void **state)
{
	struct recorder recorder;
	char path[] = "/tmp/cairn-test-XXXXXX";
	(void)state;
	recorder_init(&recorder);
	assert_false(reader_read_file("/tmp", &recorder.sink, &error));
	assert_string_equal(error.message, "/tmp: not a regular file");
	assert_false(reader_read_file("/dev/zero", &recorder.sink, &error));
	assert_string_equal(error.message, "/dev/zero: not a regular file");
	assert_false(reader_read_file("/nowhere/x", &recorder.sink, &error));
	assert_string_equal(error.message, "/nowhere/x: No such file or directory");
	assert_non_null(mkdtemp(path));
	assert_int_equal(chdir(path), 0);
	assert_int_equal(mkfifo("pipe", 0600), 0);
	assert_false(reader_read_file("pipe", &recorder.sink, &error)); // and does not wait for a writer
	assert_string_equal(error.message, "pipe: not a regular file");
	unlink("pipe");
	rmdir(path);
	recorder_deinit(&recorder);
}

static void test_a_stream_is_read_to_its_end(void **state)
{
	unsigned char bytes[4096];
	size_t num_bytes = perftools__profiles__profile__pack(&make()->profile, bytes);
	struct recorder recorder;
	int ends[2];
	(void)state;
	recorder_init(&recorder);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], bytes, num_bytes), num_bytes);
	close(ends[1]);
	assert_true(reader_read_stream("standard input", ends[0], &recorder.sink, &error));
	assert_string_equal(recorder_text(&recorder), example_text);
	assert_false(reader_read_stream("standard input", ends[0], &recorder.sink, &error)); // nothing is left
	assert_string_equal(error.message, "standard input: empty, not a profile");
	close(ends[0]);
	assert_false(reader_read_stream("standard input", ends[0], &recorder.sink, &error));
	assert_string_equal(error.message, "standard input: Bad file descriptor");
	recorder_deinit(&recorder);
}

static void test_a_sink_can_end_the_stream(void **state)
{
	unsigned char bytes[4096];
	size_t num_bytes = perftools__profiles__profile__pack(&make()->profile, bytes);
	(void)state;
	for (size_t max_parts = 1; max_parts <= 9; max_parts++) {
		struct recorder recorder;
		recorder_init(&recorder);
		recorder.max_parts = max_parts;
		strcpy(error.message, "old");
		assert_false(reader_read_bytes("x", bytes, num_bytes, &recorder.sink, &error));
		assert_string_equal(error.message, "");
		size_t num_lines = 0;
		for (const char *at = recorder_text(&recorder); (at = strchr(at, '\n')); at++)
			num_lines++;
		assert_int_equal(num_lines, max_parts);
		recorder_deinit(&recorder);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_profile_is_read_with_ids_by_number),
		cmocka_unit_test(test_what_was_written_is_read),
		cmocka_unit_test(test_any_types_are_accepted),
		cmocka_unit_test(test_the_number_of_types_has_a_limit),
		cmocka_unit_test(test_each_wrong_part_is_named),
		cmocka_unit_test(test_a_location_outside_its_mapping_stays_in_it),
		cmocka_unit_test(test_strings_that_are_no_names_are_refused),
		cmocka_unit_test(test_a_long_string_is_not_taken_without_end),
		cmocka_unit_test(test_a_part_that_is_too_large_is_refused),
		cmocka_unit_test(test_bytes_that_are_no_message_are_refused),
		cmocka_unit_test(test_gzip_is_read_member_by_member_to_its_very_end),
		cmocka_unit_test(test_input_has_a_limit),
		cmocka_unit_test(test_only_regular_files_are_read),
		cmocka_unit_test(test_a_stream_is_read_to_its_end),
		cmocka_unit_test(test_a_sink_can_end_the_stream),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
