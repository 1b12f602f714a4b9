// SPDX-License-Identifier: Apache-2.0
// What a profile says of itself, which of its types is meant, and its values by label.
#include "unit/unit.h"

#include <math.h>
#include <string.h>

#include "profile/heap.h"
#include "report/about.h"
#include "report/by_label.h"
#include "report/type_name.h"

static const struct profile_type cpu_types[] = { { "samples", "count" }, { "cpu", "nanoseconds" } };

static struct store *store;
static struct view *view;
static struct error error;

static int create(void **state)
{
	(void)state;
	store = store_create(1);
	return 0;
}

static int destroy(void **state)
{
	(void)state;
	view_destroy(view);
	view = NULL;
	store_destroy(store);
	return 0;
}

static const struct profile_sink *begin(const struct profile_type *types, size_t num_types, const char *default_type)
{
	const struct profile_sink *sink = store_begin(store, 0, STORE_ADD);
	const struct profile_description description = {
		.types = types, .num_types = num_types, .default_type = default_type, .period_type = types[num_types - 1],
		.period = 10000000, .drop_frames = "", .keep_frames = "",
	};
	assert_true(sink->description(sink->context, &description));
	return sink;
}

static void say(const struct profile_sink *sink, const char *comment)
{
	assert_true(sink->comment(sink->context, comment));
}

static void test_comments_of_cairn_are_understood(void **state)
{
	struct about about;
	(void)state;
	const struct profile_sink *sink = begin(heap_types, HEAP_NUM_VALUES, "inuse_space");
	say(sink, "cairn 0.1.0");
	say(sink, "command: ./server --port 80");
	say(sink, "process: 1234, profiled since 1700000000.007");
	say(sink, "rate: one sample in 512.00 KiB on average; samples: 481");
	say(sink, "counted: 5 stacks cut at the depth limit");
	say(sink, "counted: 7 stacks that end before their root");
	const struct profile_mapping mapping = { .id = 1, .start = 0x1000, .limit = 0x2000, .path = "/opt/server", .build_id = "ab12" };
	assert_true(sink->mapping(sink->context, &mapping));
	about_init(&about, store);
	assert_string_equal(about.kind, "heap");
	assert_string_equal(about.path, "/opt/server");
	assert_string_equal(about.build_id, "ab12");
	assert_string_equal(about.command, "./server --port 80");
	assert_int_equal(about.pid, 1234);
	assert_int_equal(about.start_time_ns, INT64_C(1700000000007000000));
	assert_true(about.has_num_samples);
	assert_int_equal(about.num_samples, 481);
	assert_false(about.is_off);
	assert_int_equal(about.num_losses, 2);
	assert_string_equal(about.losses[1], "7 stacks that end before their root");
	assert_false(about.is_complete);
}

static void test_comments_of_others_mean_nothing(void **state)
{
	struct about about;
	(void)state;
	const struct profile_sink *sink = begin(cpu_types, 2, "");
	say(sink, "process: 1234, profiled since 1700000000.007");
	say(sink, "dropped: nothing");
	about_init(&about, store);
	assert_string_equal(about.kind, "CPU");
	assert_string_equal(about.path, "");
	assert_true(about.pid == 0 && about.start_time_ns == 0 && !about.has_num_samples && !about.is_complete);
}

static void test_numbers_that_are_none_are_not_known(void **state)
{
	struct about about;
	(void)state;
	const struct profile_sink *sink = begin(heap_types, HEAP_NUM_VALUES, "inuse_space");
	say(sink, "cairn 0.1.0");
	say(sink, "process: x, profiled since 99999999999999999999999.0");
	say(sink, "rate: 0 (not recording); samples: many");
	say(sink, "dropped: nothing");
	about_init(&about, store);
	assert_true(about.pid == 0 && about.start_time_ns == 0 && !about.has_num_samples && about.is_off && about.is_complete);
}

static void test_types_are_found_as_people_name_them(void **state)
{
	static const char *const names[][2] = {
		{ "inuse_objects", "inuse_objects" }, { "inuse", "inuse_space" }, { "alloc", "alloc_space" }, { "space", "inuse_space" },
		{ "objects", "inuse_objects" },       { "count", "inuse_objects" }, { "bytes", "inuse_space" }, { "live", "inuse_space" },
		{ "allocated", "alloc_space" },       { "spac", "spac" },           { "", "" },                 { "_", "_" },
	};
	(void)state;
	begin(heap_types, HEAP_NUM_VALUES, "inuse_space");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_string_equal(type_name_find(store, names[i][0]), names[i][1]);
}

static void test_the_default_type_comes_first_among_those_of_a_unit(void **state)
{
	(void)state;
	begin(heap_types, HEAP_NUM_VALUES, "alloc_space");
	assert_string_equal(type_name_find(store, "bytes"), "alloc_space");
	assert_string_equal(type_name_find(store, "count"), "inuse_objects");
}

static void test_a_whole_name_comes_before_a_part(void **state)
{
	static const struct profile_type types[] = { { "space", "bytes" }, { "bytes", "count" }, { "inuse_space", "bytes" } };
	(void)state;
	begin(types, 3, "");
	assert_string_equal(type_name_find(store, "space"), "space");
	assert_string_equal(type_name_find(store, "bytes"), "bytes");
}

static void push_sample(const struct profile_sink *sink, int64_t value, const struct profile_label *labels, size_t num_labels)
{
	const int64_t values[] = { value, value * 10000000 };
	const struct profile_sample sample = { .values = values, .labels = labels, .num_labels = num_labels };
	assert_true(sink->sample(sink->context, &sample));
}

static void push_labelled(void)
{
	const struct profile_sink *sink = begin(cpu_types, 2, "samples");
	const struct profile_label index = { .key = "request", .string = "index", .unit = "" };
	const struct profile_label login = { .key = "request", .string = "login", .unit = "" };
	const struct profile_label small = { .key = "size", .number = 16, .unit = "bytes" };
	const struct profile_label zero = { .key = "size", .number = 0, .unit = "" };
	push_sample(sink, 2, &small, 1);
	push_sample(sink, 5, &index, 1);
	push_sample(sink, 9, (struct profile_label[]){ login, small }, 2);
	push_sample(sink, 7, (struct profile_label[]){ index, small }, 2);
	push_sample(sink, 3, NULL, 0);
	push_sample(sink, 1, (struct profile_label[]){ index, login, index, zero }, 4);
	assert_true(view_create(&view, store, &(struct view_request){ 0 }, &error));
}

static void test_values_are_told_apart_by_a_label(void **state)
{
	struct by_label by_label;
	(void)state;
	push_labelled();
	assert_true(by_label_init(&by_label, view, "--by", "request", &error));
	assert_int_equal(by_label.num_rows, 3);
	assert_string_equal(by_label.rows[0].string, "index");
	assert_int_equal(by_label.rows[0].value, 13);
	assert_true(fabs(by_label.rows[0].error - sqrt(13)) < 1e-9);
	assert_string_equal(by_label.rows[1].string, "login");
	assert_int_equal(by_label.rows[1].value, 10);
	assert_false(by_label.rows[2].has_label);
	assert_int_equal(by_label.rows[2].value, 5);
	by_label_deinit(&by_label);
}

static void test_labels_may_be_numbers(void **state)
{
	struct by_label by_label;
	(void)state;
	push_labelled();
	assert_true(by_label_init(&by_label, view, "--by", "size", &error));
	assert_int_equal(by_label.num_rows, 3);
	assert_true(by_label.rows[0].has_label && !by_label.rows[0].string && by_label.rows[0].number == 16);
	assert_string_equal(by_label.rows[0].unit, "bytes");
	assert_int_equal(by_label.rows[0].value, 18);
	assert_true(!by_label.rows[1].has_label && by_label.rows[1].value == 8);
	assert_true(by_label.rows[2].has_label && by_label.rows[2].number == 0 && by_label.rows[2].value == 1);
	by_label_deinit(&by_label);
}

static void test_labels_that_are_there_are_listed(void **state)
{
	struct by_label by_label;
	(void)state;
	push_labelled();
	assert_false(by_label_init(&by_label, view, "--by", "tenant", &error));
	assert_string_equal(error.message, "--by tenant: no label of this name; there are request and size");
}

static void test_a_profile_without_labels_says_so(void **state)
{
	struct by_label by_label;
	(void)state;
	push_sample(begin(cpu_types, 2, ""), 5, NULL, 0);
	assert_true(view_create(&view, store, &(struct view_request){ 0 }, &error));
	assert_false(by_label_init(&by_label, view, "--by", "tenant", &error));
	assert_string_equal(error.message, "--by tenant: no label of this name: the profile has no labels");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_comments_of_cairn_are_understood, create, destroy),
		cmocka_unit_test_setup_teardown(test_comments_of_others_mean_nothing, create, destroy),
		cmocka_unit_test_setup_teardown(test_numbers_that_are_none_are_not_known, create, destroy),
		cmocka_unit_test_setup_teardown(test_types_are_found_as_people_name_them, create, destroy),
		cmocka_unit_test_setup_teardown(test_the_default_type_comes_first_among_those_of_a_unit, create, destroy),
		cmocka_unit_test_setup_teardown(test_a_whole_name_comes_before_a_part, create, destroy),
		cmocka_unit_test_setup_teardown(test_values_are_told_apart_by_a_label, create, destroy),
		cmocka_unit_test_setup_teardown(test_labels_may_be_numbers, create, destroy),
		cmocka_unit_test_setup_teardown(test_labels_that_are_there_are_listed, create, destroy),
		cmocka_unit_test_setup_teardown(test_a_profile_without_labels_says_so, create, destroy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
