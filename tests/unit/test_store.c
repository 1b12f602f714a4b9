// SPDX-License-Identifier: Apache-2.0
// Profiles in memory, their sums and differences, told by what is pushed in the end.
#include "unit/unit.h"

#include <string.h>

#include "unit/store_by_hand.h"

static void test_a_difference_leaves_out_what_is_equal(void **state)
{
	(void)state;
	push_process(STORE_ADD, 0x555500000000, 0x7fff00000000, 1);
	push_process(STORE_SUBTRACT, 0x666600000000, 0x7eee00000000, 1);
	assert_string_equal(result(), "period 1 time 1 duration 0\n"
				      "mapping 1: 555500000000-555500002000 1000 '/bin/program' ''\n");
	push_process(STORE_SUBTRACT, 0x666600000000, 0x7eee00000000, 3);
	assert_non_null(strstr(result(), "sample 2 1: -3 -30 -1 -100\n"));
}

static void test_values_stop_at_their_limits(void **state)
{
	(void)state;
	const struct profile_sink *sink = begin(STORE_ADD, 1, 1);
	push_location(sink, 1, 0, 0x1000, 0);
	assert_true(push_sample(sink, 1, 0, INT64_MAX, INT64_MIN, INT64_MAX, 0));
	assert_true(push_sample(sink, 1, 0, INT64_MAX, INT64_MIN, -1, 0));
	assert_non_null(strstr(result(), "sample 1: 9223372036854775807 -9223372036854775808 9223372036854775806 0\n"));
	sink = begin(STORE_SUBTRACT, 1, 1);
	push_location(sink, 1, 0, 0x1000, 0);
	assert_true(push_sample(sink, 1, 0, -1, 1, INT64_MIN, INT64_MIN));
	assert_non_null(strstr(result(), "sample 1: 9223372036854775807 -9223372036854775808 9223372036854775807 "
					 "9223372036854775807\n"));
}

// A profile of other types than a heap's: its samples are of one location.
struct other {
	struct profile_type types[3];
	size_t num_types;
	struct profile_type period_type;
	const char *default_type;
	int64_t values[3];
};

static bool push_other(const struct other *other, uint32_t side)
{
	struct profile_description description = describe(1, 1, 0);
	const uint32_t ids[] = { 1 };
	const struct profile_sample sample = { .location_ids = ids, .num_locations = 1, .values = other->values };
	const struct profile_sink *sink = store_begin(store, side, STORE_ADD);
	description.types = other->types;
	description.num_types = other->num_types;
	description.period_type = other->period_type;
	description.default_type = other->default_type;
	if (!sink->description(sink->context, &description))
		return false;
	push_location(sink, 1, 0, 0x1000, 0);
	return sink->sample(sink->context, &sample);
}

static void test_types_are_those_that_all_profiles_have(void **state)
{
	static const struct profile_type a = { "a", "count" }, b = { "b", "bytes" }, c = { "c", "bytes" }, d = { "c", "count" };
	(void)state;
	assert_true(push_other(&(struct other){ { a, b, c }, 3, heap_period_type, "c", { 1, 2, 3 } }, 0));
	assert_non_null(strstr(result(), "types a/count, b/bytes, c/bytes\nperiod 1 time 1 duration 0 default 'c'\n"));
	assert_true(push_other(&(struct other){ { c, d, a }, 3, heap_period_type, "a", { 10, 20, 30 } }, 0));
	assert_string_equal(result(), "types a/count, c/bytes\nperiod 1 time 1 duration 0 default 'c'\n"
				      "location 1: 0 1000 -\nsample 1: 31 13\n");
	assert_true(push_other(&(struct other){ { b, a }, 2, heap_period_type, "", { 100, 200 } }, 0));
	assert_string_equal(result(), "types a/count\nperiod 1 time 1 duration 0\n" // c, the default, is no more
				      "location 1: 0 1000 -\nsample 1: 231\n");
	assert_true(push_other(&(struct other){ { a }, 1, heap_period_type, "", { -231 } }, 0));
	assert_null(strstr(result(), "sample")); // what is left of it comes to nothing
	assert_null(store_get_problem(store));
	assert_false(push_other(&(struct other){ { b, c, d }, 3, heap_period_type, "", { 1, 1, 1 } }, 0));
	assert_string_equal(store_get_problem(store), "has no type of value (a/count ...) that all the others have");
}

static void test_another_period_type_is_refused(void **state)
{
	static const struct profile_type a = { "a", "count" };
	(void)state;
	assert_true(push_other(&(struct other){ { a }, 1, { "cpu", "nanoseconds" }, "", { 1 } }, 0));
	assert_null(store_get_problem(store));
	assert_false(push_other(&(struct other){ { a }, 1, { "cpu", "bytes" }, "", { 1 } }, 1)); // also on the other side
	assert_string_equal(store_get_problem(store), "its period is in cpu/bytes and that of the others in cpu/nanoseconds: "
						      "these are different kinds of profiles");
}

static void test_a_profile_refused_for_its_types_leaves_no_trace(void **state)
{
	static const struct profile_type a = { "a", "count" }, b = { "b", "bytes" };
	(void)state;
	assert_true(push_other(&(struct other){ { a }, 1, heap_period_type, "", { 1 } }, 0));
	char *before = strdup(result());
	assert_false(push_other(&(struct other){ { b }, 1, heap_period_type, "", { 1 } }, 0));
	assert_false(push_other(&(struct other){ { a }, 1, { "cpu", "bytes" }, "", { 1 } }, 0));
	assert_string_equal(result(), before);
	assert_int_equal(store->sides[0].num_profiles, 1);
	assert_true(push_other(&(struct other){ { b, a }, 2, heap_period_type, "", { 10, 20 } }, 0));
	assert_null(store_get_problem(store));
	assert_non_null(strstr(result(), "sample 1: 21\n"));
	free(before);
}

static void test_samples_differ_by_their_labels(void **state)
{
	const struct profile_label labels[] = {
		{ .key = "a", .string = "x", .unit = "" }, { .key = "a", .string = "y", .unit = "" },
		{ .key = "b", .string = "x", .unit = "" }, { .key = "a", .string = "", .unit = "" },
		{ .key = "a", .number = 1, .unit = "" },   { .key = "a", .number = 2, .unit = "" },
		{ .key = "a", .number = 1, .unit = "s" },  { .key = "a", .number = 0, .unit = "" },
	};
	(void)state;
	for (int round = 0; round < 2; round++) {
		const struct profile_sink *sink = begin_labelled(0);
		push_labels(sink, NULL, 0);
		for (size_t i = 0; i < 8; i++)
			push_labels(sink, &labels[i], 1);
		push_labels(sink, labels, 2);
	}
	assert_non_null(strstr(result(), "sample 1: 2 2 2 2\nsample 1: 2 2 2 2 a='x'\nsample 1: 2 2 2 2 a='y'\n"
					 "sample 1: 2 2 2 2 b='x'\nsample 1: 2 2 2 2 a=''\nsample 1: 2 2 2 2 a=1\n"
					 "sample 1: 2 2 2 2 a=2\nsample 1: 2 2 2 2 a=1s\nsample 1: 2 2 2 2 a=0\n"
					 "sample 1: 2 2 2 2 a='x' a='y'\n"));
}

static void test_the_order_of_label_keys_has_no_meaning(void **state)
{
	const struct profile_label a = { .key = "a", .string = "x", .unit = "" }, b = { .key = "b", .number = 1, .unit = "" };
	const struct profile_label second = { .key = "a", .string = "w", .unit = "" };
	const struct profile_label orders[][3] = { { a, second, b }, { b, a, second }, { a, b, second }, { second, a, b } };
	(void)state;
	const struct profile_sink *sink = begin_labelled(0);
	for (size_t i = 0; i < 4; i++)
		push_labels(sink, orders[i], 3);
	assert_non_null(strstr(result(), "sample 1: 3 3 3 3 a='x' a='w' b=1\n" // that of the values of one key has
					 "sample 1: 1 1 1 1 a='w' a='x' b=1\n"));
	size_t num_labels;
	const struct profile_label *labels = store_get_labels(store, store->samples[1]->label_set, &num_labels);
	assert_int_equal(num_labels, 3);
	assert_string_equal(labels[0].string, "w");
	assert_null(store_get_labels(store, 0, &num_labels));
	assert_int_equal(num_labels, 0);
}

static void test_as_many_labels_as_are_accepted_are_kept(void **state)
{
	static struct profile_label labels[PROFILE_MAX_LABELS], reversed[PROFILE_MAX_LABELS];
	static char keys[PROFILE_MAX_LABELS][8];
	const struct profile_sample larger = { .labels = labels, .num_labels = PROFILE_MAX_LABELS + 1 };
	(void)state;
	for (int i = 0; i < PROFILE_MAX_LABELS; i++) {
		snprintf(keys[i], sizeof(keys[i]), "%04d", i);
		labels[i] = reversed[PROFILE_MAX_LABELS - 1 - i] = (struct profile_label){ .key = keys[i], .number = i, .unit = "" };
	}
	const struct profile_sink *sink = begin_labelled(0);
	push_labels(sink, labels, PROFILE_MAX_LABELS);
	push_labels(sink, reversed, PROFILE_MAX_LABELS);
	const char *text = result();
	assert_non_null(strstr(text, "sample 1: 2 2 2 2 0000=0 0001=1 0002=2 "));
	assert_non_null(strstr(text, " 1022=1022 1023=1023\n"));
	assert_false(sink->sample(sink->context, &larger));
	assert_string_equal(store_get_problem(store), "a sample has 0 frames and 1025 labels; accepted are up to 16384 and 1024");
}

static void test_sides_are_kept_apart(void **state)
{
	const struct profile_label label = { .key = "a", .string = "x", .unit = "" };
	(void)state;
	for (uint32_t side = 0; side < 2; side++) {
		for (uint32_t i = 0; i <= side; i++) {
			const struct profile_sink *sink = begin_side(side, STORE_ADD, 1, 100 + side);
			push_location(sink, 1, 0, 0x1000, 0);
			push_location(sink, 2, 0, 0x2000 + side, 0);
			assert_true(sink->comment(sink->context, side ? "right" : "left"));
			assert_true(push_sample(sink, 1, 0, 1 + side * 10, 2, 3, 4));
			assert_true(push_sample(sink, 2, 1, 5, 6, 7, 8));
			push_labels(sink, &label, 1);
		}
	}
	assert_int_equal(store->num_samples, 4);
	static const int64_t both[] = { 1, 2, 3, 4, 22, 4, 6, 8 }, left[] = { 5, 6, 7, 8, 0, 0, 0, 0 };
	static const int64_t right[] = { 0, 0, 0, 0, 10, 12, 14, 16 };
	assert_memory_equal(store->samples[0]->values, both, sizeof(both));
	assert_memory_equal(store->samples[1]->values, left, sizeof(left));
	assert_memory_equal(store->samples[3]->values, right, sizeof(right));
	assert_int_equal(store->samples[1]->num_places, 2);
	assert_int_equal(store->samples[1]->places[1], store->samples[0]->places[0]);
	assert_int_equal(store->sides[0].num_profiles, 1);
	assert_int_equal(store->sides[1].num_profiles, 2);
	assert_int_equal(store->sides[1].time_ns, 101);
	assert_int_equal(store->sides[1].num_comments, 1);
	assert_string_equal(store->sides[1].comments[0], "right");
	assert_string_equal(result(), "period 1 time 100 duration 0\n# left\n"
				      "location 1: 0 1000 -\nlocation 2: 0 2000 -\n" // side 0 alone
				      "sample 1: 1 2 3 4\nsample 2 1: 5 6 7 8\nsample 1: 1 1 1 1 a='x'\n");
}

static void test_larger_stacks_and_locations_are_refused(void **state)
{
	static uint32_t ids[PROFILE_MAX_LOCATIONS + 1];
	static struct profile_line lines[PROFILE_MAX_LINES + 1];
	const int64_t values[] = { 1, 1, 1, 1 };
	struct profile_sample sample = { .location_ids = ids, .num_locations = PROFILE_MAX_LOCATIONS, .values = values };
	struct profile_location location = { .id = 1, .lines = lines, .num_lines = PROFILE_MAX_LINES };
	const struct profile_sink *sink = begin(STORE_ADD, 1, 1);
	(void)state;
	for (size_t i = 0; i <= PROFILE_MAX_LOCATIONS; i++)
		ids[i] = 1;
	assert_true(sink->location(sink->context, &location));
	assert_true(sink->sample(sink->context, &sample));
	assert_int_equal(store->samples[0]->num_places, PROFILE_MAX_LOCATIONS);
	assert_int_equal(places_get(&store->places, 1).num_lines, PROFILE_MAX_LINES);
	sample.num_locations++;
	assert_false(sink->sample(sink->context, &sample));
	assert_string_equal(store_get_problem(store), "a sample has 16385 frames and 0 labels; accepted are up to 16384 and 1024");
	location.num_lines++;
	assert_false(sink->location(sink->context, &location));
	assert_string_equal(store_get_problem(store), "a location has 1025 lines; accepted are up to 1024");
}

static void test_patterns_and_default_are_those_of_the_first(void **state)
{
	struct profile_description description = describe(1, 1, 0);
	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct profile_sink *sink = store_begin(store, 0, STORE_ADD);
		description.default_type = i ? "alloc_space" : "inuse_space";
		description.drop_frames = i ? "other" : "malloc";
		description.keep_frames = i ? "other" : "keep";
		assert_true(sink->description(sink->context, &description));
	}
	assert_string_equal(result(), "period 1 time 1 duration 0 default 'inuse_space' drop 'malloc' keep 'keep'\n");
}

static void push_description(enum store_sign sign, int64_t period, int64_t time_ns, int64_t duration_ns)
{
	const struct profile_description description = describe(period, time_ns, duration_ns);
	const struct profile_sink *sink = store_begin(store, 0, sign);
	assert_true(sink->description(sink->context, &description));
}

static void test_descriptions_are_combined(void **state)
{
	(void)state;
	push_description(STORE_ADD, 512, 100, 7);
	push_description(STORE_ADD, 4096, 300, 8);
	push_description(STORE_ADD, 1, 200, 0);
	assert_string_equal(result(), "period 4096 time 300 duration 15\n");
	push_description(STORE_SUBTRACT, 8192, 120, 9);
	assert_string_equal(result(), "period 8192 time 300 duration 180\n");
	push_description(STORE_SUBTRACT, 1, 400, 9);
	assert_string_equal(result(), "period 8192 time 300 duration 0\n");
}

static void test_comments_are_kept_once_and_not_without_end(void **state)
{
	(void)state;
	char comment[32];
	for (int round = 0; round < 2; round++) {
		const struct profile_sink *sink = begin(round ? STORE_SUBTRACT : STORE_ADD, 1, 1);
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
	const struct profile_sink *sink = begin(STORE_ADD, 1, 1);
	push_location(sink, 1, 9, 0x1000, 0); // in a mapping that was not pushed
	assert_true(push_sample(sink, 1, 0, 1, 1, 1, 1));
	assert_false(push_sample(sink, 1, 2, 1, 1, 1, 1));
	assert_false(push_sample(sink, 1, UINT32_MAX, 1, 1, 1, 1));
	sink = begin(STORE_ADD, 1, 1);
	assert_false(push_sample(sink, 1, 0, 1, 1, 1, 1)); // ids are each profile's own
	assert_non_null(strstr(result(), "location 1: 0 1000 -\nsample 1: 1 1 1 1\n"));
}

static void test_many_deep_and_empty_stacks_are_kept_apart(void **state)
{
	(void)state;
	static uint32_t ids[1000];
	for (int round = 0; round < 2; round++) {
		const struct profile_sink *sink = begin(STORE_ADD, 1, 1);
		for (uint32_t i = 0; i < 1000; i++) {
			ids[i] = 1000 - i;
			push_location(sink, 1000 - i, 0, i, 0);
		}
		for (size_t i = 0; i <= 1000; i++) {
			const int64_t values[] = { (int64_t)i, 1, 1, 1 };
			const struct profile_sample sample = { .location_ids = ids, .num_locations = i, .values = values };
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
	push_process(STORE_ADD, 0x555500000000, 0x7fff00000000, 1);
	for (size_t max_parts = 1; max_parts <= 6; max_parts++) {
		struct recorder ending;
		recorder_init(&ending);
		ending.max_parts = max_parts;
		assert_false(store_push(store, &ending.sink));
		recorder_deinit(&ending);
	}
	store_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_difference_leaves_out_what_is_equal, create, destroy),
		cmocka_unit_test_setup_teardown(test_values_stop_at_their_limits, create, destroy),
		cmocka_unit_test_setup_teardown(test_types_are_those_that_all_profiles_have, create, destroy),
		cmocka_unit_test_setup_teardown(test_another_period_type_is_refused, create, destroy),
		cmocka_unit_test_setup_teardown(test_a_profile_refused_for_its_types_leaves_no_trace, create, destroy),
		cmocka_unit_test_setup_teardown(test_samples_differ_by_their_labels, create, destroy),
		cmocka_unit_test_setup_teardown(test_the_order_of_label_keys_has_no_meaning, create, destroy),
		cmocka_unit_test_setup_teardown(test_as_many_labels_as_are_accepted_are_kept, create, destroy),
		cmocka_unit_test_setup_teardown(test_sides_are_kept_apart, create, destroy),
		cmocka_unit_test_setup_teardown(test_larger_stacks_and_locations_are_refused, create, destroy),
		cmocka_unit_test_setup_teardown(test_patterns_and_default_are_those_of_the_first, create, destroy),
		cmocka_unit_test_setup_teardown(test_descriptions_are_combined, create, destroy),
		cmocka_unit_test_setup_teardown(test_comments_are_kept_once_and_not_without_end, create, destroy),
		cmocka_unit_test_setup_teardown(test_what_is_not_known_is_not_taken, create, destroy),
		cmocka_unit_test_setup_teardown(test_many_deep_and_empty_stacks_are_kept_apart, create, destroy),
		cmocka_unit_test_setup_teardown(test_a_sink_can_end_the_stream, create, destroy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
