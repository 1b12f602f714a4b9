// SPDX-License-Identifier: Apache-2.0
// Sums and differences of profiles, told by what is pushed in the end.
#include "unit/unit.h"

#include <string.h>

#include "profile/merge.h"
#include "unit/recorder.h"

static struct merge *merge;
static struct recorder recorder;

static int create(void **state)
{
	(void)state;
	merge = merge_create();
	recorder_init(&recorder);
	return 0;
}

static int destroy(void **state)
{
	(void)state;
	merge_destroy(merge);
	recorder_deinit(&recorder);
	return 0;
}

static const struct profile_sink *begin(enum merge_sign sign, int64_t period_bytes, int64_t time_ns)
{
	const struct profile_description description = { .period_bytes = period_bytes, .time_ns = time_ns };
	const struct profile_sink *sink = merge_begin(merge, sign);
	assert_true(sink->description(sink->context, &description));
	return sink;
}

static void push_mapping(const struct profile_sink *sink, uint32_t id, uint64_t start, uint64_t size_bytes,
			 const char *path, const char *build_id)
{
	const struct profile_mapping mapping = { id, start, start + size_bytes, 0x1000, path, build_id };
	assert_true(sink->mapping(sink->context, &mapping));
}

static void push_location(const struct profile_sink *sink, uint32_t id, uint32_t mapping, uint64_t address,
			  const char *function)
{
	const struct profile_location location = { id, mapping, address, function };
	assert_true(sink->location(sink->context, &location));
}

// A sample of two locations (0: none).
static bool push_sample(const struct profile_sink *sink, uint32_t leaf, uint32_t caller, int64_t a, int64_t b, int64_t c,
			int64_t d)
{
	const uint32_t ids[] = { leaf, caller };
	const struct profile_sample sample = { ids, (leaf != 0) + (caller != 0), { a, b, c, d } };
	return sink->sample(sink->context, &sample);
}

static const char *result(void)
{
	recorder_deinit(&recorder);
	recorder_init(&recorder);
	assert_true(merge_push(merge, &recorder.sink));
	return recorder_text(&recorder);
}

// A process of one program and one library that lie somewhere.
static void push_process(enum merge_sign sign, uint64_t program, uint64_t library, int64_t value)
{
	const struct profile_sink *sink = begin(sign, 1, 1);
	push_mapping(sink, 5, program, 0x2000, "/bin/program", "");
	push_mapping(sink, 6, library, 0x4000, "/lib/library", "ab12");
	push_location(sink, 50, 5, program + 0x10, NULL);
	push_location(sink, 60, 6, library + 0x20, NULL);
	assert_true(push_sample(sink, 60, 50, value, 10 * value, 1, 100));
}

static void test_the_same_code_elsewhere_is_the_same(void **state)
{
	(void)state;
	push_process(MERGE_ADD, 0x555500000000, 0x7fff00000000, 1);
	push_process(MERGE_ADD, 0x666600000000, 0x7eee00000000, 2);
	assert_string_equal(result(), "period 1 time 1 duration 0\n"
				      "mapping 1: 555500000000-555500002000 1000 '/bin/program' ''\n"
				      "mapping 2: 7fff00000000-7fff00004000 1000 '/lib/library' 'ab12'\n"
				      "location 1: 1 555500000010 -\n"
				      "location 2: 2 7fff00000020 -\n"
				      "sample 2 1: 3 30 2 200\n");
}

static void test_a_difference_leaves_out_what_is_equal(void **state)
{
	(void)state;
	push_process(MERGE_ADD, 0x555500000000, 0x7fff00000000, 1);
	push_process(MERGE_SUBTRACT, 0x666600000000, 0x7eee00000000, 1);
	assert_string_equal(result(), "period 1 time 1 duration 0\n"
				      "mapping 1: 555500000000-555500002000 1000 '/bin/program' ''\n");
	push_process(MERGE_SUBTRACT, 0x666600000000, 0x7eee00000000, 3);
	assert_non_null(strstr(result(), "sample 2 1: -3 -30 -1 -100\n"));
}

static void test_mappings_differ_by_size_in_pages_offset_and_build_id(void **state)
{
	(void)state;
	const struct profile_sink *sink = begin(MERGE_ADD, 1, 1);
	struct profile_mapping mapping = { 1, 0x10000, 0x11001, 0x1000, "/bin/x", "ab" };
	uint64_t step = 0x100000;
	for (uint32_t i = 1; i <= 6; i++, mapping.start += step, mapping.limit += step) {
		mapping.id = i;
		mapping.limit += i == 2 ? 0xfff : i == 3; // still two pages; three pages
		mapping.offset += i == 4;
		mapping.build_id = i == 5 ? "cd" : "ab";
		mapping.path = i == 6 ? "/bin/other" : "/bin/x";
		sink->mapping(sink->context, &mapping);
		push_location(sink, i, i, mapping.start + 1, NULL);
		assert_true(push_sample(sink, i, 0, 1, 1, 1, 1));
	}
	const char *text = result();
	assert_non_null(strstr(text, "sample 1: 2 2 2 2\nsample 2: 1 1 1 1\nsample 3: 2 2 2 2\nsample 4: 1 1 1 1\n"));
	assert_null(strstr(text, "/bin/other")); // the build id tells
	assert_null(strstr(text, "mapping 5"));
}

static void test_code_without_a_file_is_told_by_its_address(void **state)
{
	(void)state;
	const struct profile_sink *sink = begin(MERGE_ADD, 1, 1);
	push_mapping(sink, 1, 0x1000, 0x1000, "", "");
	push_mapping(sink, 2, 0x5000, 0x1000, "", "");
	push_mapping(sink, 3, 0x9000, 0x1000, "//anon", "");
	push_mapping(sink, 4, 0xd000, 0x1000, "//anon", "");
	for (uint32_t i = 1; i <= 4; i++) {
		push_location(sink, i, i, 0x1000 + (i - 1) * 0x4000, NULL);
		assert_true(push_sample(sink, i, 0, i, 1, 1, 1));
	}
	push_location(sink, 5, 0, 0x1000, NULL);
	push_location(sink, 6, 0, 0, "[truncated]");
	push_location(sink, 7, 0, 0, "[ledger full]");
	push_location(sink, 8, 0, 0, "[truncated]");
	for (uint32_t i = 5; i <= 8; i++)
		assert_true(push_sample(sink, i, 0, i, 1, 1, 1));
	assert_non_null(strstr(result(), "location 5: 0 1000 -\nlocation 6: 0 0 [truncated]\nlocation 7: 0 0 [ledger full]\n"
					 "sample 1: 1 1 1 1\nsample 2: 2 1 1 1\nsample 3: 3 1 1 1\nsample 4: 4 1 1 1\n"
					 "sample 5: 5 1 1 1\nsample 6: 14 2 2 2\nsample 7: 7 1 1 1\n"));
}

static void test_a_name_is_kept_for_an_address_that_had_none(void **state)
{
	(void)state;
	const struct profile_sink *sink = begin(MERGE_ADD, 1, 1);
	push_mapping(sink, 1, 0x1000, 0x1000, "/x", "");
	push_location(sink, 1, 1, 0x1001, NULL);
	push_location(sink, 2, 1, 0x1001, "main");
	assert_true(push_sample(sink, 1, 2, 1, 1, 1, 1));
	assert_non_null(strstr(result(), "location 1: 1 1001 main\nsample 1 1: 1 1 1 1\n"));
}

static void test_mappings_in_each_others_way_are_moved(void **state)
{
	(void)state;
	const struct profile_sink *sink = begin(MERGE_ADD, 1, 1);
	push_mapping(sink, 1, 0x400000, 0x3000, "/bin/a", "");
	push_mapping(sink, 2, UINT64_C(1) << 40, 0x2000, "/lib/in/the/free/range", "");
	push_location(sink, 1, 1, 0x400010, NULL);
	push_location(sink, 2, 2, (UINT64_C(1) << 40) + 1, NULL);
	assert_true(push_sample(sink, 1, 2, 1, 1, 1, 1));
	for (int i = 0; i < 3; i++) {
		static const char *const paths[] = { "/bin/b", "/bin/c", "/bin/d" };
		sink = begin(MERGE_ADD, 1, 1);
		push_mapping(sink, 1, 0x400000 + (uint64_t)i * 0x1000, 0x2001, paths[i], "");
		push_location(sink, 1, 1, 0x400020 + (uint64_t)i * 0x1000, NULL);
		assert_true(push_sample(sink, 1, 0, 1, 1, 1, 1));
	}
	assert_string_equal(result(), "period 1 time 1 duration 0\n"
				      "mapping 1: 400000-403000 1000 '/bin/a' ''\n"
				      "mapping 2: 10000000000-10000002000 1000 '/lib/in/the/free/range' ''\n"
				      "mapping 3: 10000002000-10000004001 1000 '/bin/b' ''\n"
				      "mapping 4: 10000005000-10000007001 1000 '/bin/c' ''\n"
				      "mapping 5: 10000008000-1000000a001 1000 '/bin/d' ''\n"
				      "location 1: 1 400010 -\n"
				      "location 2: 2 10000000001 -\n"
				      "location 3: 3 10000002020 -\n"
				      "location 4: 4 10000005020 -\n"
				      "location 5: 5 10000008020 -\n"
				      "sample 1 2: 1 1 1 1\n"
				      "sample 3: 1 1 1 1\n"
				      "sample 4: 1 1 1 1\n"
				      "sample 5: 1 1 1 1\n");
}

static void test_a_mapping_without_room_anywhere_is_left_out(void **state)
{
	(void)state;
	const struct profile_sink *sink = begin(MERGE_ADD, 1, 1);
	push_mapping(sink, 1, 0, UINT64_MAX, "/everywhere", "");
	push_mapping(sink, 2, 0x5000, 0x1000, "/x", "");
	push_mapping(sink, 3, 0x5000, 0, "/empty", "");
	push_location(sink, 1, 1, 0x5, NULL);
	push_location(sink, 2, 2, 0x5007, NULL);
	push_location(sink, 3, 3, 0x5008, NULL);
	assert_true(push_sample(sink, 1, 2, 1, 1, 1, 1));
	assert_true(push_sample(sink, 3, 0, 1, 1, 1, 1));
	assert_string_equal(result(), "period 1 time 1 duration 0\n"
				      "mapping 1: 0-ffffffffffffffff 1000 '/everywhere' ''\n"
				      "mapping 3: 5000-5000 1000 '/empty' ''\n"
				      "location 1: 1 5 -\n"
				      "location 2: 0 5007 -\n"
				      "location 3: 3 5008 -\n"
				      "sample 1 2: 1 1 1 1\n"
				      "sample 3: 1 1 1 1\n");
}

static void test_values_stop_at_their_limits(void **state)
{
	(void)state;
	const struct profile_sink *sink = begin(MERGE_ADD, 1, 1);
	push_location(sink, 1, 0, 0x1000, NULL);
	assert_true(push_sample(sink, 1, 0, INT64_MAX, INT64_MIN, INT64_MAX, 0));
	assert_true(push_sample(sink, 1, 0, INT64_MAX, INT64_MIN, -1, 0));
	assert_non_null(strstr(result(), "sample 1: 9223372036854775807 -9223372036854775808 9223372036854775806 0\n"));
	sink = begin(MERGE_SUBTRACT, 1, 1);
	push_location(sink, 1, 0, 0x1000, NULL);
	assert_true(push_sample(sink, 1, 0, -1, 1, INT64_MIN, INT64_MIN));
	assert_non_null(strstr(result(), "sample 1: 9223372036854775807 -9223372036854775808 9223372036854775807 "
					 "9223372036854775807\n"));
}

static void push_description(enum merge_sign sign, int64_t period_bytes, int64_t time_ns, int64_t duration_ns)
{
	const struct profile_description description = { period_bytes, time_ns, duration_ns };
	const struct profile_sink *sink = merge_begin(merge, sign);
	assert_true(sink->description(sink->context, &description));
}

static void test_descriptions_are_combined(void **state)
{
	(void)state;
	push_description(MERGE_ADD, 512, 100, 7);
	push_description(MERGE_ADD, 4096, 300, 8);
	push_description(MERGE_ADD, 1, 200, 0);
	assert_string_equal(result(), "period 4096 time 300 duration 15\n");
	push_description(MERGE_SUBTRACT, 8192, 120, 9);
	assert_string_equal(result(), "period 8192 time 300 duration 180\n");
	push_description(MERGE_SUBTRACT, 1, 400, 9);
	assert_string_equal(result(), "period 8192 time 300 duration 0\n");
}

static void test_comments_are_kept_once_and_not_without_end(void **state)
{
	(void)state;
	char comment[32];
	for (int round = 0; round < 2; round++) {
		const struct profile_sink *sink = begin(round ? MERGE_SUBTRACT : MERGE_ADD, 1, 1);
		for (int i = 0; i < 70; i++) {
			snprintf(comment, sizeof(comment), "%s %d", round ? "subtracted" : "added", i);
			assert_true(sink->comment(sink->context, comment));
			assert_true(sink->comment(sink->context, "added 0"));
		}
	}
	const char *text = result();
	assert_non_null(strstr(text, "# added 0\n# added 1\n"));
	assert_non_null(strstr(text, "# added 63\n# and 6 more comments\n"));
	assert_null(strstr(text, "subtracted"));
}

static void test_what_is_not_known_is_not_taken(void **state)
{
	(void)state;
	const struct profile_sink *sink = begin(MERGE_ADD, 1, 1);
	push_location(sink, 1, 9, 0x1000, NULL); // in a mapping that was not pushed
	assert_true(push_sample(sink, 1, 0, 1, 1, 1, 1));
	assert_false(push_sample(sink, 1, 2, 1, 1, 1, 1));
	assert_false(push_sample(sink, 1, UINT32_MAX, 1, 1, 1, 1));
	sink = begin(MERGE_ADD, 1, 1);
	assert_false(push_sample(sink, 1, 0, 1, 1, 1, 1)); // ids are each profile's own
	assert_non_null(strstr(result(), "location 1: 0 1000 -\nsample 1: 1 1 1 1\n"));
}

static void test_many_deep_and_empty_stacks_are_kept_apart(void **state)
{
	(void)state;
	static uint32_t ids[1000];
	for (int round = 0; round < 2; round++) {
		const struct profile_sink *sink = begin(MERGE_ADD, 1, 1);
		for (uint32_t i = 0; i < 1000; i++) {
			ids[i] = 1000 - i;
			push_location(sink, 1000 - i, 0, i, NULL);
		}
		for (size_t i = 0; i <= 1000; i++) {
			const struct profile_sample sample = { ids, i, { (int64_t)i, 1, 1, 1 } };
			assert_true(sink->sample(sink->context, &sample));
		}
	}
	const char *text = result();
	size_t num_samples = 0;
	for (const char *at = text; (at = strstr(at, "\nsample")); at++)
		num_samples++;
	assert_int_equal(num_samples, 1001);
	assert_non_null(strstr(text, "sample: 0 2 2 2\nsample 1: 2 2 2 2\nsample 1 2: 4 2 2 2\n"));
	assert_non_null(strstr(text, " 999 1000: 2000 2 2 2\n"));
}

static void test_a_sink_can_end_the_stream(void **state)
{
	(void)state;
	push_process(MERGE_ADD, 0x555500000000, 0x7fff00000000, 1);
	for (size_t max_parts = 1; max_parts <= 6; max_parts++) {
		struct recorder ending;
		recorder_init(&ending);
		ending.max_parts = max_parts;
		assert_false(merge_push(merge, &ending.sink));
		recorder_deinit(&ending);
	}
	merge_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_same_code_elsewhere_is_the_same, create, destroy),
		cmocka_unit_test_setup_teardown(test_a_difference_leaves_out_what_is_equal, create, destroy),
		cmocka_unit_test_setup_teardown(test_mappings_differ_by_size_in_pages_offset_and_build_id, create, destroy),
		cmocka_unit_test_setup_teardown(test_code_without_a_file_is_told_by_its_address, create, destroy),
		cmocka_unit_test_setup_teardown(test_a_name_is_kept_for_an_address_that_had_none, create, destroy),
		cmocka_unit_test_setup_teardown(test_mappings_in_each_others_way_are_moved, create, destroy),
		cmocka_unit_test_setup_teardown(test_a_mapping_without_room_anywhere_is_left_out, create, destroy),
		cmocka_unit_test_setup_teardown(test_values_stop_at_their_limits, create, destroy),
		cmocka_unit_test_setup_teardown(test_descriptions_are_combined, create, destroy),
		cmocka_unit_test_setup_teardown(test_comments_are_kept_once_and_not_without_end, create, destroy),
		cmocka_unit_test_setup_teardown(test_what_is_not_known_is_not_taken, create, destroy),
		cmocka_unit_test_setup_teardown(test_many_deep_and_empty_stacks_are_kept_apart, create, destroy),
		cmocka_unit_test_setup_teardown(test_a_sink_can_end_the_stream, create, destroy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
