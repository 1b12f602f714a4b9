// SPDX-License-Identifier: Apache-2.0
// What the writer wrote is read back with zlib and protobuf-c; pprof's own reader is the judge in the
// end-to-end tests.
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "ledger/mappings.h"
#include "ledger/sites.h"
#include "ledger/tree.h"
#include "pprof/writer.h"
#include "profile.pb-c.h"
#include "profile/from_ledger.h"
#include "profile/heap.h"
#include "unit/tallying.h"

typedef Perftools__Profiles__Profile Profile;

static struct ledger ledger;
static struct ledger_writer tallies;

static int create(void **state)
{
	struct mapping mapping = { .start = 0x400000, .limit = 0x500000, .offset = 0x1000, .path = "/bin/x", .build_id = "ab12" };
	(void)state;
	if (!ledger_create(&ledger, 8 << 20, 1))
		return -1;
	ledger_writer_init(&tallies, &ledger, 0);
	ledger.header->command_line = ledger_add_string(&ledger, "x --flag");
	mapping_add(&ledger, &mapping);
	return 0;
}

static int destroy(void **state)
{
	(void)state;
	ledger_writer_deinit(&tallies);
	ledger_destroy(&ledger);
	return 0;
}

static void push_ledger(const struct profile_sink *sink)
{
	const struct profile_request request = { .time_ns = 123456789 };
	profile_from_ledger(&ledger, &request, sink);
}

// Of profiles that are not made from the ledger.
static struct profile_description describe(void)
{
	return (struct profile_description){ .types = heap_types, .num_types = HEAP_NUM_VALUES, .default_type = "",
					     .period_type = heap_period_type, .period = 4096, .drop_frames = "",
					     .keep_frames = "" };
}

static void push_difference(const struct profile_sink *sink)
{
	struct profile_description description = describe();
	description.time_ns = 5;
	description.duration_ns = 3;
	sink->description(sink->context, &description);
}

static void push_repeated_strings(const struct profile_sink *sink)
{
	const struct profile_description description = describe();
	struct profile_function function = { .name = "repeated_name", .system_name = "repeated_name",
					     .filename = "/repeated/file.c" };
	struct profile_label label = { .key = "repeated_key", .unit = "repeated_unit" };
	const int64_t values[HEAP_NUM_VALUES] = { 1, 2, 3, 4 };
	const struct profile_sample sample = { .values = values, .labels = &label, .num_labels = 1 };
	sink->description(sink->context, &description);
	for (function.id = 1; function.id <= 1000; function.id++)
		sink->function(sink->context, &function);
	for (label.number = 0; label.number < 1000; label.number++)
		sink->sample(sink->context, &sample);
}

// The last length that is remembered, the first that is not, and the longest that is read; nth: which letters.
static const size_t long_bytes[] = { WRITER_STRING_BYTES - 1, WRITER_STRING_BYTES, 256 << 10 };

static char *make_long_string(size_t nth, char last)
{
	char *string = malloc(long_bytes[nth] + 1);
	memset(string, 'a' + (int)nth, long_bytes[nth]);
	string[long_bytes[nth] - 1] = last;
	string[long_bytes[nth]] = 0;
	return string;
}

static void push_long_strings(const struct profile_sink *sink)
{
	const struct profile_description description = describe();
	sink->description(sink->context, &description);
	for (size_t i = 0; i < 6; i++) {
		char *string = make_long_string(i / 2, i % 2 ? 'y' : 'x');
		sink->comment(sink->context, string);
		free(string);
	}
}

// More strings than are remembered, with such among them that are just too long for that; all of them twice.
#define NUM_MANY_STRINGS 3000

static void make_one_of_many(char string[WRITER_STRING_BYTES + 1], int nth)
{
	snprintf(string, WRITER_STRING_BYTES + 1, "%0*d", nth % 3 ? 8 : WRITER_STRING_BYTES, nth % (NUM_MANY_STRINGS / 2));
}

static void push_many_strings(const struct profile_sink *sink)
{
	const struct profile_description description = describe();
	char string[WRITER_STRING_BYTES + 1];
	sink->description(sink->context, &description);
	for (int i = 0; i < NUM_MANY_STRINGS; i++) {
		make_one_of_many(string, i);
		sink->comment(sink->context, string);
		make_one_of_many(string, i - i % 10); // said lately
		sink->comment(sink->context, string);
	}
}

// The largest sample: ids as they are, and labels, each with strings of its own.
static void push_largest_sample(const struct profile_sink *sink)
{
	static uint32_t ids[PROFILE_MAX_LOCATIONS];
	static struct profile_label labels[PROFILE_MAX_LABELS];
	static char keys[PROFILE_MAX_LABELS][16];
	const struct profile_description description = describe();
	const int64_t values[HEAP_NUM_VALUES] = { 1, 2, 3, 4 };
	const struct profile_sample sample = { .location_ids = ids, .num_locations = PROFILE_MAX_LOCATIONS, .values = values,
					       .labels = labels, .num_labels = PROFILE_MAX_LABELS };
	for (uint32_t i = 0; i < PROFILE_MAX_LOCATIONS; i++)
		ids[i] = UINT32_MAX - i;
	for (int i = 0; i < PROFILE_MAX_LABELS; i++) {
		snprintf(keys[i], sizeof(keys[i]), "key %d", i);
		labels[i] = (struct profile_label){ .key = keys[i], .number = INT64_MIN + i, .unit = keys[i] + 1 };
	}
	sink->description(sink->context, &description);
	sink->sample(sink->context, &sample);
}

static int write_to(int fd, void (*push)(const struct profile_sink *sink))
{
	struct arena arena;
	struct writer writer;
	arena_init(&arena, WRITER_ARENA_BYTES);
	writer_begin(&writer, &arena, fd);
	push(&writer.sink);
	int error = writer_end(&writer);
	arena_deinit(&arena);
	return error;
}

static Profile *read_back(void (*push)(const struct profile_sink *sink))
{
	static unsigned char bytes[16 << 20];
	char name[] = "/tmp/cairn-test-XXXXXX";
	int fd = mkstemp(name);
	assert_int_equal(write_to(fd, push), 0);
	lseek(fd, 0, SEEK_SET);
	unlink(name);
	gzFile file = gzdopen(fd, "rb");
	int length = gzread(file, bytes, sizeof(bytes));
	assert_true(length > 0);
	assert_int_equal(gzclose(file), Z_OK);
	Profile *profile = perftools__profiles__profile__unpack(NULL, (size_t)length, bytes);
	assert_non_null(profile);
	return profile;
}

static const char *string_of(const Profile *profile, int64_t index)
{
	assert_in_range(index, 0, profile->n_string_table - 1);
	return profile->string_table[index];
}

static void test_a_profile_says_what_it_is(void **state)
{
	static const char *const types[] = { "alloc_objects", "alloc_space", "inuse_objects", "inuse_space" };
	static const char *const units[] = { "count", "bytes", "count", "bytes" };
	Profile *profile = read_back(push_ledger);
	(void)state;
	assert_int_equal(profile->n_sample_type, 4);
	for (int i = 0; i < 4; i++) {
		assert_string_equal(string_of(profile, profile->sample_type[i]->type), types[i]);
		assert_string_equal(string_of(profile, profile->sample_type[i]->unit), units[i]);
	}
	assert_string_equal(string_of(profile, 0), "");
	assert_string_equal(string_of(profile, profile->period_type->type), "space");
	assert_string_equal(string_of(profile, profile->default_sample_type), "inuse_space");
	assert_int_equal(profile->period, 1);
	assert_int_equal(profile->time_nanos, 123456789);
	assert_int_equal(profile->duration_nanos, 0);
	assert_string_equal(string_of(profile, profile->comment[1]), "command: x --flag");
	assert_int_equal(profile->n_mapping, 1);
	assert_int_equal(profile->mapping[0]->id, 1);
	assert_int_equal(profile->mapping[0]->memory_start, 0x400000);
	assert_int_equal(profile->mapping[0]->file_offset, 0x1000);
	assert_string_equal(string_of(profile, profile->mapping[0]->build_id), "ab12");
	perftools__profiles__profile__free_unpacked(profile, NULL);
}

static void test_samples_have_their_stacks_and_values(void **state)
{
	uint32_t root = tree_get_frame(&ledger, 1, 0x400100), leaf = tree_get_frame(&ledger, 1, 0x400200);
	uint32_t node = tree_get_node(&ledger, tree_get_node(&ledger, 0, root), leaf);
	uint32_t site = site_get(&ledger, node, 0, 0);
	(void)state;
	add_allocation(&tallies, site, 100, LEDGER_ONE);
	add_allocation(&tallies, site, 100, LEDGER_ONE);
	add_freeing(&tallies, site, 100, LEDGER_ONE);
	uint32_t cut = tree_get_node(&ledger, tree_get_node(&ledger, 0, LEDGER_FRAME_TRUNCATED), leaf);
	add_allocation(&tallies, site_get(&ledger, cut, 0, 0), 0, LEDGER_ONE);
	Profile *profile = read_back(push_ledger);
	assert_int_equal(profile->n_sample, 2);
	const Perftools__Profiles__Sample *sample = profile->sample[0];
	assert_int_equal(sample->n_location_id, 2);
	assert_int_equal(sample->location_id[0], leaf);
	assert_int_equal(sample->location_id[1], root);
	static const int64_t expected[] = { 2, 200, 1, 100 };
	assert_int_equal(sample->n_value, 4);
	assert_memory_equal(sample->value, expected, sizeof(expected));
	assert_int_equal(profile->sample[1]->location_id[1], LEDGER_FRAME_TRUNCATED);
	for (size_t i = 0; i < profile->n_location; i++) {
		const Perftools__Profiles__Location *location = profile->location[i];
		if (location->id == leaf)
			assert_int_equal(location->address, 0x400200);
		if (location->id != LEDGER_FRAME_TRUNCATED)
			continue;
		assert_int_equal(location->n_line, 1);
		const Perftools__Profiles__Function *function = profile->function[location->line[0]->function_id - 1];
		assert_string_equal(string_of(profile, function->name), "[truncated]");
	}
	perftools__profiles__profile__free_unpacked(profile, NULL);
}

static void test_a_large_profile_is_whole(void **state)
{
	(void)state;
	uint32_t node = 0;
	for (uint64_t i = 0; i < 20000; i++) {
		node = tree_get_node(&ledger, i % 100 ? node : 0, tree_get_frame(&ledger, 1, 0x400000 + i));
		add_allocation(&tallies, site_get(&ledger, node, 0, 0), i, LEDGER_ONE);
	}
	Profile *profile = read_back(push_ledger);
	int64_t sum = 0;
	for (size_t i = 0; i < profile->n_sample; i++)
		sum += profile->sample[i]->value[3];
	assert_int_equal(profile->n_sample, 20000);
	assert_int_equal(sum, 19999L * 20000 / 2);
	perftools__profiles__profile__free_unpacked(profile, NULL);
}

static void test_a_difference_has_a_duration(void **state)
{
	Profile *profile = read_back(push_difference);
	(void)state;
	assert_int_equal(profile->period, 4096);
	assert_int_equal(profile->time_nanos, 5);
	assert_int_equal(profile->duration_nanos, 3);
	perftools__profiles__profile__free_unpacked(profile, NULL);
}

static size_t count_string(const Profile *profile, const char *string)
{
	size_t num_found = 0;
	for (size_t i = 0; i < profile->n_string_table; i++)
		num_found += strcmp(profile->string_table[i], string) == 0;
	return num_found;
}

static void test_a_string_that_is_said_often_is_written_once(void **state)
{
	Profile *profile = read_back(push_repeated_strings);
	(void)state;
	assert_int_equal(count_string(profile, ""), 1);
	assert_int_equal(count_string(profile, "repeated_name"), 1);
	assert_int_equal(count_string(profile, "/repeated/file.c"), 1);
	assert_int_equal(count_string(profile, "repeated_key"), 1);
	assert_int_equal(count_string(profile, "repeated_unit"), 1);
	assert_int_equal(count_string(profile, "count"), 1);
	assert_int_equal(profile->n_function, 1000);
	assert_string_equal(string_of(profile, profile->function[999]->system_name), "repeated_name");
	assert_string_equal(string_of(profile, profile->function[999]->filename), "/repeated/file.c");
	assert_string_equal(string_of(profile, profile->sample[999]->label[0]->key), "repeated_key");
	assert_string_equal(string_of(profile, profile->sample[999]->label[0]->num_unit), "repeated_unit");
	perftools__profiles__profile__free_unpacked(profile, NULL);
}

static void test_long_strings_are_written_whole(void **state)
{
	Profile *profile = read_back(push_long_strings);
	(void)state;
	assert_int_equal(profile->n_comment, 6);
	for (size_t i = 0; i < 6; i++) {
		char *string = make_long_string(i / 2, i % 2 ? 'y' : 'x');
		assert_string_equal(string_of(profile, profile->comment[i]), string);
		free(string);
	}
	perftools__profiles__profile__free_unpacked(profile, NULL);
}

static void test_each_of_many_strings_is_the_right_one(void **state)
{
	Profile *profile = read_back(push_many_strings);
	char string[WRITER_STRING_BYTES + 1];
	(void)state;
	for (int i = 0; i < NUM_MANY_STRINGS; i++) {
		make_one_of_many(string, i);
		assert_string_equal(string_of(profile, profile->comment[2 * i]), string);
		make_one_of_many(string, i - i % 10);
		assert_string_equal(string_of(profile, profile->comment[2 * i + 1]), string);
	}
	assert_in_range(profile->n_string_table, NUM_MANY_STRINGS / 2, 2 * NUM_MANY_STRINGS * 3 / 4);
	perftools__profiles__profile__free_unpacked(profile, NULL);
}

static void test_the_largest_sample_is_written_whole(void **state)
{
	Profile *profile = read_back(push_largest_sample);
	(void)state;
	const Perftools__Profiles__Sample *sample = profile->sample[0];
	assert_int_equal(sample->n_location_id, PROFILE_MAX_LOCATIONS);
	for (uint32_t i = 0; i < PROFILE_MAX_LOCATIONS; i++)
		assert_int_equal(sample->location_id[i], UINT32_MAX - i);
	assert_int_equal(sample->n_label, PROFILE_MAX_LABELS);
	for (int i = 0; i < PROFILE_MAX_LABELS; i++) {
		char key[16];
		snprintf(key, sizeof(key), "key %d", i);
		assert_string_equal(string_of(profile, sample->label[i]->key), key);
		assert_string_equal(string_of(profile, sample->label[i]->num_unit), key + 1);
		assert_int_equal(sample->label[i]->num, INT64_MIN + i);
		assert_int_equal(sample->label[i]->str, 0);
	}
	perftools__profiles__profile__free_unpacked(profile, NULL);
}

// Returns what writing came to; more than is accepted is not written in part.
static int write_sample(size_t num_locations, size_t num_labels)
{
	static uint32_t ids[PROFILE_MAX_LOCATIONS + 1];
	static struct profile_label labels[PROFILE_MAX_LABELS + 1];
	const struct profile_description description = describe();
	const int64_t values[HEAP_NUM_VALUES] = { 1, 2, 3, 4 };
	const struct profile_sample sample = { .location_ids = ids, .num_locations = num_locations, .values = values,
					       .labels = labels, .num_labels = num_labels };
	struct arena arena;
	struct writer writer;
	int fd = open("/dev/null", O_WRONLY);
	for (size_t i = 0; i < num_labels; i++)
		labels[i] = (struct profile_label){ .key = "key", .unit = "" };
	arena_init(&arena, WRITER_ARENA_BYTES);
	writer_begin(&writer, &arena, fd);
	assert_true(writer.sink.description(writer.sink.context, &description));
	bool is_taken = writer.sink.sample(writer.sink.context, &sample);
	int failed = writer_end(&writer);
	assert_int_equal(is_taken, !failed);
	arena_deinit(&arena);
	close(fd);
	return failed;
}

static void test_a_larger_sample_is_refused(void **state)
{
	(void)state;
	assert_int_equal(write_sample(PROFILE_MAX_LOCATIONS, PROFILE_MAX_LABELS), 0);
	assert_int_equal(write_sample(PROFILE_MAX_LOCATIONS + 1, 0), ENOMEM);
	assert_int_equal(write_sample(0, PROFILE_MAX_LABELS + 1), ENOMEM);
}

static void test_failures_to_write_are_reported(void **state)
{
	(void)state;
	int full = open("/dev/full", O_WRONLY);
	if (full >= 0) // not in every container
		assert_int_equal(write_to(full, push_ledger), ENOSPC);
	close(full);
	assert_int_equal(write_to(-1, push_ledger), EBADF);
}

static void test_an_arena_without_memory_is_reported(void **state)
{
	struct arena arena;
	struct writer writer;
	const struct profile_request request = { .time_ns = 1 };
	(void)state;
	for (size_t size_bytes = 16; size_bytes < WRITER_ARENA_BYTES; size_bytes *= 4) {
		arena_init(&arena, size_bytes);
		writer_begin(&writer, &arena, 1);
		assert_false(profile_from_ledger(&ledger, &request, &writer.sink));
		assert_int_equal(writer_end(&writer), ENOMEM);
		arena_deinit(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_profile_says_what_it_is, create, destroy),
		cmocka_unit_test_setup_teardown(test_samples_have_their_stacks_and_values, create, destroy),
		cmocka_unit_test_setup_teardown(test_a_large_profile_is_whole, create, destroy),
		cmocka_unit_test(test_a_difference_has_a_duration),
		cmocka_unit_test(test_a_string_that_is_said_often_is_written_once),
		cmocka_unit_test(test_long_strings_are_written_whole),
		cmocka_unit_test(test_each_of_many_strings_is_the_right_one),
		cmocka_unit_test(test_the_largest_sample_is_written_whole),
		cmocka_unit_test(test_a_larger_sample_is_refused),
		cmocka_unit_test_setup_teardown(test_failures_to_write_are_reported, create, destroy),
		cmocka_unit_test_setup_teardown(test_an_arena_without_memory_is_reported, create, destroy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
