// SPDX-License-Identifier: Apache-2.0
// Verdicts: rows by stack and kind, sums and errors of classified blocks.
#include "unit/unit.h"

#include <math.h>
#include <string.h>

#include "leaks/verdict.h"
#include "profile/heap.h"

static struct store *store;
static struct view *view;
static struct verdict verdict;

static int create(void **state)
{
	(void)state;
	store = store_create(1);
	return 0;
}

static int destroy(void **state)
{
	(void)state;
	verdict_deinit(&verdict);
	view_destroy(view);
	store_destroy(store);
	view = NULL;
	return 0;
}

// Functions a to f at locations 1 to 6; malloc is 7, and left out of stacks.
static const struct profile_sink *begin(int64_t period)
{
	const struct profile_sink *sink = store_begin(store, 0, STORE_ADD);
	const struct profile_description description = {
		.types = &heap_types[HEAP_INUSE_OBJECTS], .num_types = 2, .default_type = "inuse_space",
		.period_type = heap_period_type, .period = period, .drop_frames = "malloc", .keep_frames = "",
	};
	static const char *const names[] = { "", "a", "b", "c", "d", "e", "f", "malloc" };
	assert_true(sink->description(sink->context, &description));
	for (uint32_t i = 1; i <= 7; i++) {
		const struct profile_function function = { .id = i, .name = names[i], .system_name = names[i], .filename = "" };
		assert_true(sink->function(sink->context, &function));
	}
	for (uint32_t i = 1; i <= 7; i++) {
		const struct profile_line line = { .function_id = i };
		const struct profile_location location = { .id = i, .address = i, .lines = &line, .num_lines = 1 };
		assert_true(sink->location(sink->context, &location));
	}
	return sink;
}

// kind NULL: without a label.
static void push_with(const struct profile_sink *sink, const char *stack, const char *kind, int64_t head, int64_t objects,
		      int64_t bytes)
{
	uint32_t locations[8];
	const int64_t values[] = { objects, bytes };
	const struct profile_label labels[] = { { .key = LEAK_LABEL, .string = kind, .unit = "" },
						{ .key = LEAK_HEAD_LABEL, .number = head, .unit = "" } };
	struct profile_sample sample = { .location_ids = locations, .values = values, .labels = labels,
					 .num_labels = !kind ? 0 : head ? 2 : 1 };
	for (; *stack; stack++)
		locations[sample.num_locations++] = *stack == 'm' ? 7 : (uint32_t)(*stack - 'a' + 1);
	assert_true(sink->sample(sink->context, &sample));
}

static void push(const struct profile_sink *sink, const char *stack, const char *kind, int64_t objects, int64_t bytes)
{
	push_with(sink, stack, kind, 0, objects, bytes);
}

static void make(void)
{
	struct error error;
	assert_true(view_create(&view, store, &(struct view_request){ 0 }, &error));
	verdict_init(&verdict, view);
}

static void assert_row(size_t number, const char *stack, enum leak_kind kind, int64_t objects, int64_t bytes)
{
	char found[16] = "";
	assert_true(number < verdict.num_rows);
	const struct leak_row *row = &verdict.rows[number];
	for (uint32_t i = 0; i < row->num_frames; i++)
		strcat(found, view->frames[row->frames[i]].name);
	assert_string_equal(found, stack);
	assert_int_equal(row->kind, kind);
	assert_int_equal(row->value.objects, objects);
	assert_int_equal(row->value.bytes, bytes);
}

static void test_rows_are_by_kind_and_then_by_bytes(void **state)
{
	(void)state;
	const struct profile_sink *sink = begin(1);
	push(sink, "ab", "reachable", 1, 1000000);
	push(sink, "ac", "definite", 1, 10);
	push(sink, "ad", "indirect", 5, 500);
	push(sink, "ae", "definite", 2, 70);
	push(sink, "af", "unknown", 1, 2000000);
	make();
	assert_int_equal(verdict.num_rows, 5);
	assert_row(0, "ae", LEAK_DEFINITE, 2, 70);
	assert_row(1, "ac", LEAK_DEFINITE, 1, 10);
	assert_row(2, "ad", LEAK_INDIRECT, 5, 500);
	assert_row(3, "ab", LEAK_REACHABLE, 1, 1000000);
	assert_row(4, "af", LEAK_UNKNOWN, 1, 2000000);
}

static void test_what_is_lost_with_a_head_is_told_in_its_row(void **state)
{
	(void)state;
	const struct profile_sink *sink = begin(1);
	push_with(sink, "ab", "definite", 1, 1, 10); // a stack of two processes
	push_with(sink, "ab", "definite", 2, 1, 10);
	push_with(sink, "ac", "definite", 3, 1, 50);
	push_with(sink, "ad", "indirect", 1, 2, 100);
	push_with(sink, "ad", "indirect", 2, 3, 300);
	push_with(sink, "ad", "indirect", 4, 1, 7); // a circle
	push_with(sink, "ae", "indirect", 0, 1, 3);
	make();
	assert_int_equal(verdict.num_rows, 4);
	assert_row(0, "ab", LEAK_DEFINITE, 2, 20);
	assert_int_equal(verdict.rows[0].with.objects, 5);
	assert_int_equal(verdict.rows[0].with.bytes, 400);
	assert_row(1, "ac", LEAK_DEFINITE, 1, 50);
	assert_int_equal(verdict.rows[1].with.objects, 0);
	assert_row(2, "ad", LEAK_INDIRECT, 6, 407);
	assert_int_equal(verdict.rows[2].with.objects, 5);
	assert_row(3, "ae", LEAK_INDIRECT, 1, 3);
	assert_int_equal(verdict.rows[3].with.objects, 0);
	assert_int_equal(verdict.kinds[LEAK_INDIRECT].bytes, 410);
}

static void test_one_stack_has_a_row_for_each_kind(void **state)
{
	(void)state;
	const struct profile_sink *sink = begin(1);
	push(sink, "ab", "definite", 1, 10);
	push(sink, "ab", "reachable", 3, 30);
	make();
	assert_int_equal(verdict.num_rows, 2);
	assert_row(0, "ab", LEAK_DEFINITE, 1, 10);
	assert_row(1, "ab", LEAK_REACHABLE, 3, 30);
}

static void test_stacks_that_look_alike_are_one_row(void **state)
{
	(void)state;
	const struct profile_sink *sink = begin(1);
	push(sink, "ab", "definite", 1, 10);
	push(sink, "mab", "definite", 2, 20);
	push(sink, "mac", "definite", 1, 5);
	make();
	assert_int_equal(verdict.num_rows, 2);
	assert_row(0, "ab", LEAK_DEFINITE, 3, 30);
	assert_row(1, "ac", LEAK_DEFINITE, 1, 5);
}

static void test_sums_are_those_of_all_rows_of_a_kind(void **state)
{
	(void)state;
	const struct profile_sink *sink = begin(1);
	push(sink, "ab", "definite", 1, 10);
	push(sink, "ac", "definite", 2, 20);
	push(sink, "ad", "indirect", 4, 40);
	make();
	assert_int_equal(verdict.kinds[LEAK_DEFINITE].objects, 3);
	assert_int_equal(verdict.kinds[LEAK_DEFINITE].bytes, 30);
	assert_int_equal(verdict.kinds[LEAK_INDIRECT].bytes, 40);
	assert_int_equal(verdict.kinds[LEAK_REACHABLE].bytes, 0);
	assert_int_equal(verdict.kinds[LEAK_UNKNOWN].objects, 0);
}

static void test_blocks_of_no_bytes_are_lost_too(void **state)
{
	(void)state;
	const struct profile_sink *sink = begin(1);
	push(sink, "ab", "definite", 2, 0);
	make();
	assert_int_equal(verdict.num_rows, 1);
	assert_row(0, "ab", LEAK_DEFINITE, 2, 0);
}

static void test_a_stack_without_a_kind_is_unknown(void **state)
{
	(void)state;
	const struct profile_sink *sink = begin(1);
	push(sink, "ab", NULL, 1, 10);
	push(sink, "ac", "of another version", 1, 20);
	make();
	assert_row(0, "ac", LEAK_UNKNOWN, 1, 20);
	assert_row(1, "ab", LEAK_UNKNOWN, 1, 10);
}

static void test_what_rules_hid_is_no_row(void **state)
{
	(void)state;
	const struct profile_sink *sink = begin(1);
	push(sink, "ab", "definite", 1, 10);
	push(sink, "ac", "definite", 2, 20);
	store->samples[1]->values[0] = store->samples[1]->values[1] = 0; // as leak_rules_apply() does
	make();
	assert_int_equal(verdict.num_rows, 1);
	assert_row(0, "ab", LEAK_DEFINITE, 1, 10);
	assert_int_equal(verdict.kinds[LEAK_DEFINITE].bytes, 10);
}

static void test_exact_values_have_no_errors(void **state)
{
	(void)state;
	push(begin(1), "ab", "definite", 1, 10);
	make();
	assert_false(verdict.is_estimate);
	assert_true(verdict.kinds[LEAK_DEFINITE].bytes_error < 0);
	assert_true(verdict.rows[0].value.objects_error < 0);
}

// One hundred blocks of 100 bytes, of which each byte is sampled with probability 1/1000: as variance.h has it.
static void test_estimates_have_standard_errors(void **state)
{
	(void)state;
	const struct profile_sink *sink = begin(1000);
	push(sink, "ab", "definite", 100, 10000);
	push(sink, "ac", "definite", 100, 10000);
	make();
	double of_row = sqrt(100 / expm1(0.1));
	assert_true(verdict.is_estimate);
	assert_true(fabs(verdict.rows[0].value.objects_error - of_row) < 1e-9);
	assert_true(fabs(verdict.rows[0].value.bytes_error - 100 * of_row) < 1e-6);
	assert_true(fabs(verdict.kinds[LEAK_DEFINITE].bytes_error - 100 * sqrt(2) * of_row) < 1e-6);
}

static void test_nothing_live_gives_nothing(void **state)
{
	(void)state;
	begin(1);
	make();
	assert_int_equal(verdict.num_rows, 0);
	assert_int_equal(verdict.kinds[LEAK_UNKNOWN].objects, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, create, destroy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rows_are_by_kind_and_then_by_bytes),
		TEST(test_what_is_lost_with_a_head_is_told_in_its_row),
		TEST(test_one_stack_has_a_row_for_each_kind),
		TEST(test_stacks_that_look_alike_are_one_row),
		TEST(test_sums_are_those_of_all_rows_of_a_kind),
		TEST(test_blocks_of_no_bytes_are_lost_too),
		TEST(test_a_stack_without_a_kind_is_unknown),
		TEST(test_what_rules_hid_is_no_row),
		TEST(test_exact_values_have_no_errors),
		TEST(test_estimates_have_standard_errors),
		TEST(test_nothing_live_gives_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
