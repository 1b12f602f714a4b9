// SPDX-License-Identifier: Apache-2.0
// Growth between two profiles: what is real is found, and chance is seldom taken for it.
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profile/heap.h"
#include "report/chance.h"
#include "report/growth.h"

#define RATE (512 << 10)
#define MAX_STACKS 1000

static struct store *store;
static struct view *view;
static struct growth growth;

// Functions have the numbers 1 to 9 and are called f1 to f9; a stack is a string of these digits, leaf first.
struct stack_value {
	const char *stack;
	int64_t objects, bytes;
};

static void push_header(const struct profile_sink *sink, int64_t period, const struct profile_type *types, size_t num_types)
{
	const struct profile_description description = { .types = types, .num_types = num_types, .default_type = types[num_types - 1].type,
							 .period_type = heap_period_type, .period = period, .drop_frames = "", .keep_frames = "" };
	assert_true(sink->description(sink->context, &description));
	for (uint32_t i = 1; i <= 9; i++) {
		const char name[] = { 'f', (char)('0' + i), 0 };
		const struct profile_function function = { .id = i, .name = name, .system_name = name, .filename = "" };
		assert_true(sink->function(sink->context, &function));
	}
	for (uint32_t i = 1; i <= 9; i++) {
		const struct profile_line line = { .function_id = i };
		const struct profile_location location = { .id = i, .address = i, .lines = &line, .num_lines = 1 };
		assert_true(sink->location(sink->context, &location));
	}
}

static void push_stack(const struct profile_sink *sink, const char *stack, int64_t objects, int64_t bytes)
{
	uint32_t ids[16];
	const int64_t values[HEAP_NUM_VALUES] = { objects, bytes, objects, bytes };
	struct profile_sample sample = { .location_ids = ids, .values = values };
	for (; stack[sample.num_locations]; sample.num_locations++)
		ids[sample.num_locations] = (uint32_t)(stack[sample.num_locations] - '0');
	assert_true(sink->sample(sink->context, &sample));
}

static void measure(enum growth_subject subject, double confidence)
{
	struct error error;
	const struct view_request request = { .type = NULL };
	assert_true(view_create(&view, store, &request, &error));
	growth_init(&growth, view, subject, confidence);
}

static void compare(int64_t period, const struct stack_value *old, const struct stack_value *new, enum growth_subject subject)
{
	const struct stack_value *const sides[] = { old, new };
	store = store_create(2);
	for (uint32_t side = 0; side < 2; side++) {
		const struct profile_sink *sink = store_begin(store, side, STORE_ADD);
		push_header(sink, period, heap_types, HEAP_NUM_VALUES);
		for (const struct stack_value *at = sides[side]; at->stack; at++)
			push_stack(sink, at->stack, at->objects, at->bytes);
	}
	measure(subject, 0.999);
}

static int tear_down(void **state)
{
	(void)state;
	growth_deinit(&growth);
	view_destroy(view);
	store_destroy(store);
	view = NULL;
	store = NULL;
	return 0;
}

static const char *name_of(const struct growth_row *row)
{
	static char name[32];
	name[0] = 0;
	for (uint32_t i = 0; i < row->num_frames; i++)
		strcat(name, view->frames[row->frames[i]].name);
	return name;
}

static bool is_near(double value, double expected)
{
	return fabs(value - expected) <= 1e-4 * expected;
}

static const struct growth_row *find(const char *name)
{
	for (size_t i = 0; i < growth.num_rows; i++)
		if (strcmp(name_of(&growth.rows[i]), name) == 0)
			return &growth.rows[i];
	fail_msg("no row %s", name);
	return NULL;
}

static void test_chance_of_samples_on_one_side_is_that_of_tossed_coins(void **state)
{
	(void)state;
	assert_true(is_near(chance_of_difference(0, 10, 10, 1), ldexp(1, -9)));
	assert_true(is_near(chance_of_difference(30, 0, 30, 1), ldexp(1, -29)));
	assert_true(is_near(chance_of_difference(0, 10. * RATE, 10. * RATE * RATE, RATE), ldexp(1, -9)));
}

static void test_one_sample_tells_nothing(void **state)
{
	(void)state;
	assert_true(chance_of_difference(0, 1, 1, 1) == 1);
	assert_true(chance_of_difference(5, 5, 10, 1) == 1);
}

static void test_chance_of_many_samples_is_near_the_normal_one_and_not_below(void **state)
{
	(void)state;
	for (double deviation = 2; deviation < 6; deviation += 0.5) {
		double samples = 1e8, difference = deviation * sqrt(2 * samples), normal = erfc(deviation / sqrt(2));
		double chance = chance_of_difference(samples, samples + difference, 2 * samples + difference, 1);
		assert_true(chance >= normal && chance < 20 * normal);
	}
}

static void test_exact_values_differ_or_do_not(void **state)
{
	(void)state;
	const struct stack_value old[] = { { "12", 1, 100 }, { "22", 1, 50 }, { "32", 2, 10 }, { NULL, 0, 0 } };
	const struct stack_value new[] = { { "12", 1, 101 }, { "22", 1, 50 }, { "42", 1, 7 }, { NULL, 0, 0 } };
	compare(1, old, new, GROWTH_OF_STACKS);
	assert_int_equal(growth.num_rows, 4);
	assert_int_equal(growth.num_significant, 3);
	assert_string_equal(name_of(&growth.rows[0]), "f3f2");
	assert_string_equal(name_of(&growth.rows[1]), "f4f2");
	assert_string_equal(name_of(&growth.rows[2]), "f1f2");
	assert_string_equal(name_of(&growth.rows[3]), "f2f2");
	assert_int_equal(growth_get(&growth.rows[0].change), -10);
	assert_true(growth_get_error(&growth.rows[0].change) < 0);
	assert_int_equal(growth_get(&growth.total), -2);
}

static void test_variances_add_up(void **state)
{
	(void)state;
	const struct stack_value old[] = { { "1", 3 * RATE, 3 * RATE }, { "21", RATE, RATE }, { NULL, 0, 0 } };
	const struct stack_value new[] = { { "1", 6 * RATE, 6 * RATE }, { NULL, 0, 0 } };
	compare(RATE, old, new, GROWTH_OF_STACKS);
	assert_true(is_near(growth_get_error(&find("f1")->change), sqrt(9) * RATE));
	assert_true(is_near(growth_get_error(&growth.total), sqrt(10) * RATE));
	assert_int_equal(growth.num_significant, 0);
	assert_int_equal(growth_get(&growth.rest), 2 * RATE);
	assert_true(is_near(growth_get_error(&growth.rest), sqrt(10) * RATE));
	growth_deinit(&growth);
	growth_init(&growth, view, GROWTH_OF_CUM, 0.999);
	assert_true(is_near(growth_get_error(&find("f1")->change), sqrt(10) * RATE));
}

static void test_what_is_not_known_is_not_called_noise(void **state)
{
	(void)state;
	const struct stack_value old[] = { { "1", 5, 5 }, { "2", 5, 5 }, { NULL, 0, 0 } };
	const struct stack_value new[] = { { "1", 6, 6 }, { "2", 5, 5 }, { NULL, 0, 0 } };
	compare(0, old, new, GROWTH_OF_STACKS);
	assert_int_equal(growth.num_significant, 1);
	assert_true(isnan(growth.rows[0].chance) && isnan(growth_get_error(&growth.rows[0].change)));
}

static void test_functions_flat_and_with_what_they_call(void **state)
{
	(void)state;
	const struct stack_value old[] = { { "12", 1, 100 }, { "2", 1, 50 }, { "122", 2, 10 }, { NULL, 0, 0 } };
	const struct stack_value new[] = { { "12", 1, 300 }, { "2", 1, 51 }, { "122", 1, 20 }, { NULL, 0, 0 } };
	compare(1, old, new, GROWTH_OF_FLAT);
	assert_int_equal(growth_get(&find("f1")->change), 210);
	assert_int_equal(growth_get(&find("f2")->change), 1);
	growth_deinit(&growth);
	growth_init(&growth, view, GROWTH_OF_CUM, 0.999);
	assert_int_equal(growth_get(&find("f1")->change), 210);
	assert_int_equal(growth_get(&find("f2")->change), 211);
	assert_string_equal(name_of(&growth.rows[0]), "f2");
}

static void test_growth_beyond_all_numbers_stops_there(void **state)
{
	(void)state;
	const struct stack_value old[] = { { "1", 1, INT64_MIN }, { "2", 1, INT64_MAX }, { NULL, 0, 0 } };
	const struct stack_value new[] = { { "1", 1, INT64_MAX }, { "2", 1, INT64_MIN }, { NULL, 0, 0 } };
	compare(1, old, new, GROWTH_OF_STACKS);
	assert_int_equal(growth_get(&find("f1")->change), INT64_MAX);
	assert_int_equal(growth_get(&find("f2")->change), INT64_MIN);
}

static uint64_t random_state;

// Between 0 and 1 (splitmix64, Sebastiano Vigna).
static double random_number(void)
{
	uint64_t mixed = random_state += UINT64_C(0x9e3779b97f4a7c15);
	mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
	return ((double)((mixed ^ mixed >> 31) >> 11) + 0.5) / 9007199254740992.0;
}

// How many of some blocks are samples, by the gaps between them.
static int64_t sample_blocks(int64_t count, double probability)
{
	int64_t num_samples = 0;
	double at = 0;
	while (probability < 1 && (at += floor(log(random_number()) / log1p(-probability)) + 1) <= (double)count)
		num_samples++;
	return probability < 1 ? num_samples : count;
}

// What a call stack of the heap holds: blocks of two sizes, as many bytes of each or of one alone.
struct holding {
	char name[8];
	int64_t sizes[2], counts[2];
};

static int64_t between(double least, double most)
{
	return (int64_t)(least * pow(most / least, random_number()));
}

// From a fraction of a sample to many, of blocks far smaller than the rate to far larger ones.
static void make_heap(struct holding *heap, size_t num_stacks)
{
	for (size_t i = 0; i < num_stacks; i++) {
		snprintf(heap[i].name, sizeof(heap[i].name), "%d%d%d%d", (int)(1 + i % 9), (int)(1 + i / 9 % 9),
			 (int)(1 + i / 81 % 9), (int)(1 + i / 729 % 9));
		bool is_mixed = random_number() < 0.3;
		for (int j = 0; j < (is_mixed ? 2 : 1); j++) {
			heap[i].sizes[j] = between(16, 16. * RATE);
			int64_t bytes = between(RATE / 10., 50. * RATE);
			heap[i].counts[j] = bytes / heap[i].sizes[j] + 1;
		}
	}
}

// The estimates that a sampled profile has of it.
static void push_sampled(uint32_t side, const struct holding *heap, size_t num_stacks)
{
	const struct profile_sink *sink = store_begin(store, side, STORE_ADD);
	push_header(sink, RATE, heap_types, HEAP_NUM_VALUES);
	for (size_t i = 0; i < num_stacks; i++) {
		double objects = 0, bytes = 0;
		for (int j = 0; j < 2 && heap[i].counts[j]; j++) {
			double probability = -expm1(-(double)heap[i].sizes[j] / RATE);
			double sampled = (double)sample_blocks(heap[i].counts[j], probability) / probability;
			objects += sampled;
			bytes += sampled * (double)heap[i].sizes[j];
		}
		push_stack(sink, heap[i].name, llround(objects), llround(bytes));
	}
}

static void compare_sampled(const struct holding *old, const struct holding *new, size_t num_stacks, double confidence)
{
	store = store_create(2);
	push_sampled(0, old, num_stacks);
	push_sampled(1, new, num_stacks);
	measure(GROWTH_OF_STACKS, confidence);
}

static void test_chance_is_taken_for_growth_no_more_often_than_is_said(void **state)
{
	enum { NUM_PAIRS = 200, NUM_STACKS = 500 };
	static const double chances[] = { 0.1, 0.01, 0.001, 0.0001 };
	static struct holding heap[MAX_STACKS];
	size_t num_alarmed = 0, num_rows = 0, num_below[4] = { 0 };
	random_state = 1;
	for (int i = 0; i < NUM_PAIRS; i++) {
		memset(heap, 0, sizeof(heap));
		make_heap(heap, NUM_STACKS);
		compare_sampled(heap, heap, NUM_STACKS, 0.95);
		num_alarmed += growth.num_significant > 0;
		num_rows += growth.num_rows;
		for (size_t j = 0; j < growth.num_rows; j++)
			for (int k = 0; k < 4; k++)
				num_below[k] += growth.rows[j].chance <= chances[k];
		tear_down(state);
	}
	print_message("%zu of %d pairs alarmed; of %zu rows below 0.1: %zu, 0.01: %zu, 0.001: %zu, 0.0001: %zu\n", num_alarmed, NUM_PAIRS,
		      num_rows, num_below[0], num_below[1], num_below[2], num_below[3]);
	assert_true(num_alarmed <= NUM_PAIRS * 0.05);
	for (int k = 0; k < 4; k++)
		assert_true((double)num_below[k] <= chances[k] * (double)num_rows);
}

static void test_one_large_block_that_was_missed_is_no_growth(void **state)
{
	enum { NUM_STACKS = 500 };
	static struct holding heap[MAX_STACKS];
	size_t num_alarmed = 0, num_missed = 0;
	random_state = 2;
	for (int i = 0; i < 100; i++) {
		memset(heap, 0, sizeof(heap));
		for (size_t j = 0; j < NUM_STACKS; j++)
			heap[j] = (struct holding){ .sizes = { between(RATE, 8. * RATE), 0 }, .counts = { 1, 0 } };
		for (size_t j = 0; j < NUM_STACKS; j++)
			snprintf(heap[j].name, sizeof(heap[j].name), "%d%d%d", (int)(1 + j % 9), (int)(1 + j / 9 % 9), (int)(1 + j / 81 % 9));
		compare_sampled(heap, heap, NUM_STACKS, 0.95);
		num_alarmed += growth.num_significant > 0;
		for (size_t j = 0; j < growth.num_rows; j++)
			num_missed += growth_get(&growth.rows[j].change) != 0;
		tear_down(state);
	}
	assert_true(num_missed > 1000);
	assert_true(num_alarmed <= 5);
}

static void test_real_growth_is_found(void **state)
{
	enum { NUM_STACKS = 500, NUM_PAIRS = 50 };
	static struct holding old[MAX_STACKS], new[MAX_STACKS];
	int num_found = 0, num_vanished = 0, num_large = 0;
	random_state = 3;
	for (int i = 0; i < NUM_PAIRS; i++) {
		memset(old, 0, sizeof(old));
		make_heap(old, NUM_STACKS);
		memcpy(new, old, sizeof(new));
		snprintf(old[0].name, sizeof(old[0].name), "1");
		snprintf(new[0].name, sizeof(new[0].name), "1");
		new[0].sizes[0] = old[0].sizes[0] = 64;
		old[0].counts[0] = 40 * RATE / 64, new[0].counts[0] = 140 * RATE / 64; // by 7.5 standard errors
		snprintf(new[1].name, sizeof(new[1].name), "2");
		new[1] = (struct holding){ "2", { 4096, 0 }, { 50 * RATE / 4096, 0 } }; // of 50 samples, none before
		snprintf(new[2].name, sizeof(new[2].name), "3");
		new[2] = (struct holding){ "3", { 40 * RATE, 0 }, { 1, 0 } }; // one block that cannot have been missed
		compare_sampled(old, new, NUM_STACKS, 0.999);
		num_found += find("f1")->is_significant;
		num_vanished += find("f2")->is_significant;
		num_large += find("f3")->is_significant;
		tear_down(state);
	}
	print_message("found %d, %d and %d of %d\n", num_found, num_vanished, num_large, NUM_PAIRS);
	assert_true(num_found >= 0.9 * NUM_PAIRS);
	assert_true(num_vanished >= 0.9 * NUM_PAIRS);
	assert_int_equal(num_large, NUM_PAIRS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chance_of_samples_on_one_side_is_that_of_tossed_coins),
		cmocka_unit_test(test_one_sample_tells_nothing),
		cmocka_unit_test(test_chance_of_many_samples_is_near_the_normal_one_and_not_below),
		cmocka_unit_test_teardown(test_exact_values_differ_or_do_not, tear_down),
		cmocka_unit_test_teardown(test_variances_add_up, tear_down),
		cmocka_unit_test_teardown(test_what_is_not_known_is_not_called_noise, tear_down),
		cmocka_unit_test_teardown(test_functions_flat_and_with_what_they_call, tear_down),
		cmocka_unit_test_teardown(test_growth_beyond_all_numbers_stops_there, tear_down),
		cmocka_unit_test(test_chance_is_taken_for_growth_no_more_often_than_is_said),
		cmocka_unit_test(test_one_large_block_that_was_missed_is_no_growth),
		cmocka_unit_test(test_real_growth_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
