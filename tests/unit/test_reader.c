// SPDX-License-Identifier: Apache-2.0
// What the writer wrote is read back the same; what cannot be right is refused by name.
#include "unit/unit.h"

#include <fcntl.h>
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
	char *strings[NUM(strings)];
	void *type_pointers[5], *mapping_pointers[2], *function_pointers[2], *line_pointers[3];
	void *location_pointers[2], *sample_pointers[1];
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
	perftools__profiles__sample__init(&example->sample);
	example->location_ids[0] = UINT64_MAX;
	example->location_ids[1] = UINT64_MAX - 1;
	for (int i = 0; i < 5; i++)
		example->values[i] = 10 - i * 5;
	example->sample.n_location_id = 2;
	example->sample.location_id = example->location_ids;
	example->sample.n_value = 4;
	example->sample.value = example->values;
	example->comment = 12;
	Perftools__Profiles__Profile *profile = &example->profile;
	profile->n_string_table = NUM(strings);
	profile->string_table = example->strings;
	profile->n_sample_type = 4;
	POINT(profile->sample_type, example->type_pointers, example->types, 5);
	profile->period_type = &example->period_type;
	profile->period = 4096;
	profile->time_nanos = 77;
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

static const char example_text[] = "period 4096 time 77 duration 5\n"
				   "# a comment\n"
				   "mapping 1: 400000-500000 1000 '/bin/x' 'ab12'\n"
				   "mapping 2: 0-0 0 '' ''\n"
				   "location 1: 1 400010 leaf\n"
				   "location 2: 1 400011 -\n"
				   "sample 1 2: 10 5 0 -5\n";

static void test_a_profile_is_read_with_ids_by_number(void **state)
{
	(void)state;
	assert_string_equal(read_example(make()), example_text);
}

static void push_parts(const struct profile_sink *sink)
{
	const struct profile_description description = { .period_bytes = 1, .time_ns = 2, .duration_ns = 3 };
	const struct profile_mapping mapping = { 1, 0x1000, 0x2000, 0x3000, "/bin/x y", "" };
	const struct profile_location there = { .id = 1, .mapping_id = 1, .address = 0x1fff };
	const struct profile_location nowhere = { .id = 2, .function = "[truncated]" };
	const uint32_t ids[] = { 1, 2 };
	const struct profile_sample sample = { ids, 2, { INT64_MAX, INT64_MIN, 0, -1 } };
	sink->description(sink->context, &description);
	sink->comment(sink->context, "one");
	sink->comment(sink->context, "two");
	sink->mapping(sink->context, &mapping);
	sink->location(sink->context, &there);
	sink->location(sink->context, &nowhere);
	sink->sample(sink->context, &sample);
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

static void test_types_may_be_in_any_order(void **state)
{
	struct example *example = make();
	(void)state;
	Perftools__Profiles__ValueType first = example->types[0];
	example->types[0] = example->types[3];
	example->types[3] = first;
	assert_non_null(strstr(read_example(example), "sample 1 2: -5 5 0 10\n"));
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
	REFUSES(example->types[2].type = 8, "sample_type 3: /bin/x/count; accepted are alloc_objects/count, "
					    "alloc_space/bytes, inuse_objects/count and inuse_space/bytes");
	REFUSES(example->types[2].type = -1, "sample_type 3: string -1 does not exist");
	REFUSES(example->types[3].unit = 13, "sample_type 4: string 13 does not exist");
	REFUSES(example->profile.n_sample_type = 3, "sample_type: not a heap profile: has no inuse_space");
	REFUSES(example->profile.n_sample_type = 5, "sample_type: the same type twice");
	REFUSES(example->period_type.type = 1, "period_type 1: alloc_objects/bytes; accepted is space/bytes");
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
	REFUSES(example->functions[1].name = 99, "location 1: string 99 does not exist");
	REFUSES(example->lines[0].function_id = 5, "location 1: function 5 does not exist");
	REFUSES(example->lines[1].function_id = 5, "location 1: function 5 does not exist");
	REFUSES(example->locations[1].mapping_id = 5, "location 2: mapping 5 does not exist");
	REFUSES(example->locations[1].id = 0, "location 2: its id is 0");
	REFUSES(example->locations[1].id = UINT64_MAX, "location 2: has the id of another, 18446744073709551615");
	REFUSES(example->location_ids[1] = 99, "sample 1: location 99 does not exist");
	REFUSES(example->location_ids[1] = 0, "sample 1: location 0 does not exist");
	REFUSES(example->sample.n_value = 3, "sample 1: 3 values instead of 4");
	REFUSES(example->sample.n_value = 5, "sample 1: 5 values instead of 4");
	REFUSES(example->profile.n_string_table = 0, "sample_type 1: string 1 does not exist");
}

static void test_a_location_outside_its_mapping_has_none(void **state)
{
	struct example *example = make();
	(void)state;
	example->locations[0].address = 0x500000;
	example->locations[1].mapping_id = 7; // empty: of the whole program
	const char *text = read_example(example);
	assert_non_null(strstr(text, "location 1: 0 500000 leaf\n"));
	assert_non_null(strstr(text, "location 2: 2 400011 -\n"));
}

static void test_strings_that_are_no_names_are_refused(void **state)
{
	static char name[60002];
	static const char with_zero[] = "\x32\x03" "a\0b" "\x68\x0d"; // a string more, and a comment that it is
	unsigned char bytes[4096];
	struct example *example = make();
	(void)state;
	memset(name, 'x', 60001);
	example->strings[12] = name;
	assert_non_null(strstr(read_example(example), "comment 1: string 12: longer than 60000 bytes"));
	name[60000] = 0;
	assert_non_null(strstr(read_example(example), "xx\nmapping 1"));
	size_t num_bytes = perftools__profiles__profile__pack(&make()->profile, bytes);
	memcpy(bytes + num_bytes, with_zero, sizeof(with_zero) - 1);
	assert_string_equal(read_bytes(bytes, num_bytes + sizeof(with_zero) - 1),
			    "x.pb.gz: comment 2: string 13: longer than 60000 bytes, or with a zero in it");
}

static void test_a_part_that_is_too_large_is_refused(void **state)
{
	static uint64_t ids[(1 << 20) / 10];
	struct example *example = make();
	(void)state;
	for (size_t i = 0; i < NUM(ids); i++)
		ids[i] = UINT64_MAX;
	example->sample.location_id = ids;
	example->sample.n_location_id = NUM(ids);
	assert_string_equal(read_example(example), "x.pb.gz: sample 1: larger than 1 MiB");
	example->sample.n_location_id = NUM(ids) / 2;
	assert_non_null(strstr(read_example(example), "sample 1 1 1"));
}

static void test_bytes_that_are_no_message_are_refused(void **state)
{
	(void)state;
	assert_string_equal(read_bytes("", 0), "x.pb.gz: empty, not a profile");
	assert_string_equal(read_bytes("\x32\x00\x0b", 3), "x.pb.gz: not a profile: no field begins at byte 2 of its message");
	assert_string_equal(read_bytes("\x32\x05xx", 4), "x.pb.gz: not a profile: no field begins at byte 0 of its message");
	assert_string_equal(read_bytes("\x07", 1), "x.pb.gz: not a profile: no field begins at byte 0 of its message");
	assert_string_equal(read_bytes("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11),
			    "x.pb.gz: not a profile: no field begins at byte 0 of its message");
	assert_string_equal(read_bytes("\x02\x00", 2), "x.pb.gz: not a profile: no field begins at byte 0 of its message");
	assert_string_equal(read_bytes("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12),
			    "x.pb.gz: not a profile: no field begins at byte 0 of its message");
	assert_string_equal(read_bytes("\x0a\x02\x08\x80", 4), "x.pb.gz: sample_type 1: malformed");
	assert_string_equal(read_bytes("\x08\x01", 2), "x.pb.gz: sample_type 1: malformed");
	assert_string_equal(read_bytes("\x30\x01", 2), "x.pb.gz: string 0: not a string");
	assert_string_equal(read_bytes("\x32\x00", 2), "x.pb.gz: sample_type: not a heap profile: has no alloc_objects");
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

static void test_a_sink_can_end_the_stream(void **state)
{
	unsigned char bytes[4096];
	size_t num_bytes = perftools__profiles__profile__pack(&make()->profile, bytes);
	(void)state;
	for (size_t max_parts = 1; max_parts <= 7; max_parts++) {
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
		cmocka_unit_test(test_types_may_be_in_any_order),
		cmocka_unit_test(test_each_wrong_part_is_named),
		cmocka_unit_test(test_a_location_outside_its_mapping_has_none),
		cmocka_unit_test(test_strings_that_are_no_names_are_refused),
		cmocka_unit_test(test_a_part_that_is_too_large_is_refused),
		cmocka_unit_test(test_bytes_that_are_no_message_are_refused),
		cmocka_unit_test(test_gzip_is_read_member_by_member_to_its_very_end),
		cmocka_unit_test(test_input_has_a_limit),
		cmocka_unit_test(test_only_regular_files_are_read),
		cmocka_unit_test(test_a_sink_can_end_the_stream),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
