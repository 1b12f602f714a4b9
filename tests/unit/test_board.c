// SPDX-License-Identifier: Apache-2.0
// The board of call sites: values, growth, rates and errors of a ledger whose numbers are known.
#include "unit/unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/sites.h"
#include "ledger/tree.h"
#include "report/board.h"
#include "report/filter.h"
#include "report/stack_name.h"
#include "unit/tallying.h"

#define SECOND UINT64_C(1000000000) // ticks: one each ns

struct fixture {
	struct ledger ledger;
	struct ledger_writer writer;
	struct board board;
	uint32_t sites[2]; // of two stacks with the same root
	uint64_t now;
};

static int create(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	*state = fixture;
	if (!ledger_create(&fixture->ledger, 1 << 20, 512))
		return -1;
	ledger_writer_init(&fixture->writer, &fixture->ledger, 0);
	uint32_t root = tree_get_node(&fixture->ledger, 0, tree_get_frame(&fixture->ledger, 0, 0x1000));
	for (uint32_t i = 0; i < 2; i++) {
		uint32_t leaf = tree_get_node(&fixture->ledger, root, tree_get_frame(&fixture->ledger, 0, 0x2000 + i));
		fixture->sites[i] = site_get(&fixture->ledger, leaf, 0, 0);
	}
	fixture->now = fixture->ledger.header->start_ticks;
	board_init(&fixture->board);
	return 0;
}

static int destroy(void **state)
{
	struct fixture *fixture = *state;
	board_deinit(&fixture->board);
	ledger_writer_deinit(&fixture->writer);
	ledger_destroy(&fixture->ledger);
	free(fixture);
	return 0;
}

static void allocate(struct fixture *fixture, int site, uint64_t size_bytes, uint64_t weight)
{
	add_allocation(&fixture->writer, fixture->sites[site], size_bytes, weight * LEDGER_ONE);
}

static void release(struct fixture *fixture, int site, uint64_t size_bytes, uint64_t weight)
{
	add_freeing(&fixture->writer, fixture->sites[site], size_bytes, weight * LEDGER_ONE);
}

static void update_after(struct fixture *fixture, uint64_t ticks)
{
	struct error error;
	fixture->now += ticks;
	assert_true(board_update(&fixture->board, &fixture->ledger, fixture->now, 1, &error));
}

static struct board_value value_of(const struct fixture *fixture, int site, enum board_column column)
{
	for (uint32_t i = 0; i < fixture->board.num_rows; i++)
		if (fixture->board.rows[i].site == fixture->sites[site])
			return fixture->board.rows[i].values[column];
	fail_msg("site %d is not on the board", site);
	return (struct board_value){ 0, 0 };
}

#define ASSERT_VALUE(actual, expected_value, expected_error)                        \
	do {                                                                        \
		struct board_value found = actual;                                  \
		assert_float_equal(found.value, expected_value, 1e-6);              \
		assert_float_equal(found.standard_error, expected_error, 1e-6);     \
	} while (0)

// Per sample size^2 * weight * (weight - 1).
static void test_values_have_the_standard_error_of_their_samples(void **state)
{
	struct fixture *fixture = *state;
	allocate(fixture, 0, 100, 4);
	allocate(fixture, 0, 100, 4);
	allocate(fixture, 1, 1000, 1);
	update_after(fixture, 2 * SECOND);
	ASSERT_VALUE(value_of(fixture, 0, BOARD_LIVE), 800, sqrt(2 * 100 * 100 * 4 * 3));
	ASSERT_VALUE(value_of(fixture, 0, BOARD_COUNT), 8, sqrt(2 * 4 * 3));
	ASSERT_VALUE(value_of(fixture, 1, BOARD_LIVE), 1000, 0);
	ASSERT_VALUE(fixture->board.total.values[BOARD_LIVE], 1800, sqrt(2 * 100 * 100 * 4 * 3));
	ASSERT_VALUE(fixture->board.total.values[BOARD_PEAK], 1800, sqrt(2 * 100 * 100 * 4 * 3));
}

static void test_what_is_exact_has_no_standard_error(void **state)
{
	struct fixture *fixture = *state;
	allocate(fixture, 0, 100, 1);
	for (int i = 0; i < 2; i++) {
		update_after(fixture, SECOND);
		for (int column = 0; column < BOARD_NUM_COLUMNS; column++) {
			assert_true(value_of(fixture, 0, (enum board_column)column).standard_error < 0);
			assert_true(fixture->board.total.values[column].standard_error < 0);
		}
	}
}

static void test_the_first_rate_is_the_mean_and_the_next_ones_are_of_the_interval(void **state)
{
	struct fixture *fixture = *state;
	allocate(fixture, 0, 100, 4);
	update_after(fixture, 2 * SECOND);
	assert_false(fixture->board.has_interval);
	ASSERT_VALUE(value_of(fixture, 0, BOARD_RATE), 200, sqrt(100 * 100 * 4 * 3) / 2);
	allocate(fixture, 0, 200, 3);
	release(fixture, 0, 100, 4);
	update_after(fixture, 4 * SECOND);
	assert_true(fixture->board.has_interval);
	ASSERT_VALUE(value_of(fixture, 0, BOARD_RATE), 150, sqrt(200 * 200 * 3 * 2) / 4);
	update_after(fixture, SECOND);
	ASSERT_VALUE(value_of(fixture, 0, BOARD_RATE), 0, 0);
	update_after(fixture, 0); // no time has passed
	assert_true(isnan(value_of(fixture, 0, BOARD_RATE).value));
}

static void test_growth_is_since_the_baseline(void **state)
{
	struct fixture *fixture = *state;
	allocate(fixture, 0, 100, 4);
	update_after(fixture, SECOND);
	assert_true(isnan(value_of(fixture, 0, BOARD_GROWTH).value));
	release(fixture, 0, 100, 4);
	allocate(fixture, 0, 50, 2);
	allocate(fixture, 1, 10, 2);
	update_after(fixture, SECOND);
	ASSERT_VALUE(value_of(fixture, 0, BOARD_GROWTH), -300, sqrt(100 * 100 * 4 * 3 + 50 * 50 * 2));
	ASSERT_VALUE(value_of(fixture, 1, BOARD_GROWTH), 20, sqrt(10 * 10 * 2));
	ASSERT_VALUE(fixture->board.total.values[BOARD_GROWTH], -280, sqrt(100 * 100 * 4 * 3 + 50 * 50 * 2 + 10 * 10 * 2));
	board_reset_baseline(&fixture->board);
	ASSERT_VALUE(value_of(fixture, 0, BOARD_GROWTH), 0, 0);
	allocate(fixture, 0, 50, 2);
	update_after(fixture, SECOND);
	ASSERT_VALUE(value_of(fixture, 0, BOARD_GROWTH), 100, sqrt(50 * 50 * 2));
}

// Much comes and goes, little stays: the error is no larger than that of what lives.
static void test_the_error_of_growth_is_the_smaller_bound(void **state)
{
	struct fixture *fixture = *state;
	allocate(fixture, 0, 10, 2);
	update_after(fixture, SECOND);
	for (int i = 0; i < 100; i++) {
		allocate(fixture, 0, 1000, 5);
		release(fixture, 0, 1000, 5);
	}
	update_after(fixture, SECOND);
	ASSERT_VALUE(value_of(fixture, 0, BOARD_GROWTH), 0, sqrt(2 * 10 * 10 * 2));
}

static void test_a_new_epoch_begins_rates_again(void **state)
{
	struct fixture *fixture = *state;
	allocate(fixture, 0, 1000, 2);
	update_after(fixture, SECOND);
	site_begin_epoch(&fixture->ledger);
	fixture->ledger.header->epoch_time_ns = fixture->ledger.header->start_time_ns + 3 * (int64_t)SECOND / 2;
	allocate(fixture, 0, 100, 2);
	update_after(fixture, SECOND);
	assert_false(fixture->board.has_interval);
	ASSERT_VALUE(value_of(fixture, 0, BOARD_RATE), 400, sqrt(100 * 100 * 2) / 0.5);
}

static void test_another_ledger_begins_anew(void **state)
{
	struct fixture *fixture = *state;
	allocate(fixture, 0, 100, 1);
	update_after(fixture, SECOND);
	update_after(fixture, SECOND);
	assert_false(isnan(value_of(fixture, 0, BOARD_GROWTH).value));
	fixture->ledger.header->start_ticks++;
	update_after(fixture, SECOND);
	assert_true(isnan(value_of(fixture, 0, BOARD_GROWTH).value));
	assert_false(fixture->board.has_interval);
}

static void test_the_oldest_block_tells_the_age(void **state)
{
	struct fixture *fixture = *state;
	allocate(fixture, 0, 100, 1);
	allocate(fixture, 1, 100, 1);
	update_after(fixture, 10 * SECOND);
	board_note_birth(&fixture->board, fixture->sites[0], 6 * SECOND);
	board_note_birth(&fixture->board, fixture->sites[0], 4 * SECOND);
	board_note_birth(&fixture->board, fixture->sites[0], 5 * SECOND);
	board_note_birth(&fixture->board, UINT32_MAX, 0);
	board_set_ages(&fixture->board);
	assert_float_equal(value_of(fixture, 0, BOARD_AGE).value, 6 * SECOND, 1);
	assert_true(isnan(value_of(fixture, 1, BOARD_AGE).value));
	assert_float_equal(fixture->board.total.values[BOARD_AGE].value, 6 * SECOND, 1);
	release(fixture, 0, 100, 1);
	update_after(fixture, SECOND);
	board_set_ages(&fixture->board);
	assert_true(isnan(value_of(fixture, 0, BOARD_AGE).value));
}

static void test_rows_are_sorted_with_the_unknown_last(void **state)
{
	struct fixture *fixture = *state;
	allocate(fixture, 0, 10, 5);
	allocate(fixture, 1, 1000, 1);
	update_after(fixture, SECOND);
	board_sort(&fixture->board, BOARD_COUNT);
	assert_int_equal(fixture->board.rows[0].site, fixture->sites[0]);
	board_sort(&fixture->board, BOARD_LIVE);
	assert_int_equal(fixture->board.rows[0].site, fixture->sites[1]);
	board_note_birth(&fixture->board, fixture->sites[0], 0);
	board_set_ages(&fixture->board);
	board_sort(&fixture->board, BOARD_AGE);
	assert_int_equal(fixture->board.rows[0].site, fixture->sites[0]);
}

static void test_a_filter_finds_functions_anywhere_in_a_stack(void **state)
{
	struct fixture *fixture = *state;
	struct filter filter;
	struct error error;
	struct names *names = names_create(0);
	allocate(fixture, 0, 10, 1);
	allocate(fixture, 1, 10, 1);
	filter_init(&filter);
	assert_true(filter_passes(&filter, names, &fixture->ledger, fixture->sites[0]));
	assert_true(filter_set(&filter, "0x2000|nothing", &error));
	for (int i = 0; i < 2; i++) { // decided, then remembered
		assert_true(filter_passes(&filter, names, &fixture->ledger, fixture->sites[0]));
		assert_false(filter_passes(&filter, names, &fixture->ledger, fixture->sites[1]));
	}
	assert_true(filter_set(&filter, "0x1000", &error)); // of both, though one was decided first
	assert_true(filter_passes(&filter, names, &fixture->ledger, fixture->sites[1]));
	assert_true(filter_passes(&filter, names, &fixture->ledger, fixture->sites[0]));
	assert_false(filter_set(&filter, "a(", &error));
	assert_non_null(strstr(error.message, "a("));
	assert_string_equal(filter.pattern, "0x1000");
	filter_deinit(&filter);
	names_destroy(names);
}

static void test_a_stack_is_named_by_its_first_function_that_does_not_only_allocate(void **state)
{
	struct fixture *fixture = *state;
	char storage[100];
	struct text text = TEXT_ON(storage);
	struct names *names = names_create(0);
	static const char *const allocators[] = { "malloc", "operator new[]", "std::allocator_traits<std::allocator<int>>::allocate",
						  "std::_Vector_base<int>::_M_allocate", "__rust_alloc" };
	for (size_t i = 0; i < sizeof(allocators) / sizeof(allocators[0]); i++)
		assert_true(stack_name_is_allocator(allocators[i]));
	assert_false(stack_name_is_allocator("malloc_statistics"));
	assert_false(stack_name_is_allocator("std::vector<int>::push_back"));
	stack_name_add(&text, names, &fixture->ledger, fixture->sites[1], 80);
	assert_string_equal(storage, "[0x2001] < [0x1000]");
	text = (struct text)TEXT_ON(storage);
	stack_name_add(&text, names, &fixture->ledger, fixture->sites[1], 12);
	assert_string_equal(storage, "[0x2001]");
	names_destroy(names);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, create, destroy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_values_have_the_standard_error_of_their_samples),
		TEST(test_what_is_exact_has_no_standard_error),
		TEST(test_the_first_rate_is_the_mean_and_the_next_ones_are_of_the_interval),
		TEST(test_growth_is_since_the_baseline),
		TEST(test_the_error_of_growth_is_the_smaller_bound),
		TEST(test_a_new_epoch_begins_rates_again),
		TEST(test_another_ledger_begins_anew),
		TEST(test_the_oldest_block_tells_the_age),
		TEST(test_rows_are_sorted_with_the_unknown_last),
		TEST(test_a_filter_finds_functions_anywhere_in_a_stack),
		TEST(test_a_stack_is_named_by_its_first_function_that_does_not_only_allocate),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
