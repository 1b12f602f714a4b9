// SPDX-License-Identifier: Apache-2.0
#include "unit/unit.h"

#include <string.h>

#include "base/arena.h"
#include "base/text.h"

static void test_numbers_are_written_in_decimal_and_hexadecimal(void **state)
{
	char storage[200];
	struct text text = TEXT_ON(storage);
	(void)state;
	text_add_number(&text, 0);
	text_add(&text, " ");
	text_add_number(&text, UINT64_MAX);
	text_add(&text, " ");
	text_add_signed(&text, INT64_MIN);
	text_add(&text, " ");
	text_add_padded(&text, 42, 4);
	text_add(&text, " ");
	text_add_padded(&text, 123456, 4);
	text_add(&text, " ");
	text_add_hex(&text, 0xdeadbeef);
	assert_string_equal(storage, "0 18446744073709551615 -9223372036854775808 0042 123456 0xdeadbeef");
}

static void test_what_does_not_fit_is_cut_and_said(void **state)
{
	char storage[4];
	struct text text = TEXT_ON(storage);
	(void)state;
	text_add(&text, "abc");
	assert_false(text.is_cut);
	text_add(&text, "d");
	assert_true(text.is_cut);
	assert_string_equal(storage, "abc");
}

static void test_sizes_are_read_with_suffixes(void **state)
{
	static const struct {
		const char *string;
		uint64_t expected;
	} good[] = { { "0", 0 }, { "1", 1 }, { "512K", 524288 }, { "512k", 524288 }, { "3M", 3145728 }, { "2G", 2147483648 },
		     { "18446744073709551615", UINT64_MAX } };
	static const char *const bad[] = { "", "K", "-1", "+1", " 1", "1 ", "1KB", "1.5M", "18446744073709551616",
					   "17179869184G", "0x10", "1T" };
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		uint64_t value;
		assert_true(text_read_size(good[i].string, &value));
		assert_int_equal(value, good[i].expected);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint64_t value;
		assert_false(text_read_size(bad[i], &value));
	}
}

static void test_durations_are_read_with_units(void **state)
{
	int64_t ns;
	(void)state;
	assert_true(text_read_duration("30s", &ns));
	assert_int_equal(ns, INT64_C(30000000000));
	assert_true(text_read_duration("5m", &ns));
	assert_int_equal(ns, INT64_C(300000000000));
	assert_true(text_read_duration("250ms", &ns));
	assert_int_equal(ns, 250000000);
	assert_true(text_read_duration("2", &ns));
	assert_int_equal(ns, INT64_C(2000000000));
	assert_false(text_read_duration("", &ns));
	assert_false(text_read_duration("s", &ns));
	assert_false(text_read_duration("5 s", &ns));
	assert_false(text_read_duration("5d", &ns));
	assert_false(text_read_duration("9223372036854775807h", &ns));
}

static void test_sizes_are_written_for_people(void **state)
{
	char storage[100];
	struct text text = TEXT_ON(storage);
	(void)state;
	text_add_size(&text, 1023);
	text_add(&text, ", ");
	text_add_size(&text, 1536);
	text_add(&text, ", ");
	text_add_size(&text, UINT64_C(1300000000));
	assert_string_equal(storage, "1023 B, 1.50 KiB, 1.21 GiB");
}

static void test_an_arena_gives_zeroed_aligned_memory_until_it_is_exhausted(void **state)
{
	struct arena arena;
	(void)state;
	arena_init(&arena, 100);
	char *first = arena_get(&arena, 33);
	char *second = arena_get(&arena, 33);
	assert_non_null(first);
	assert_int_equal((uintptr_t)first % 16, 0);
	assert_int_equal(second - first, 48);
	assert_int_equal(second[32], 0);
	assert_null(arena_get(&arena, 5));
	assert_non_null(arena_get(&arena, 4));
	assert_null(arena_get(&arena, 1));
	arena_deinit(&arena);
	assert_null(arena_get(&arena, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_are_written_in_decimal_and_hexadecimal),
		cmocka_unit_test(test_what_does_not_fit_is_cut_and_said),
		cmocka_unit_test(test_sizes_are_read_with_suffixes),
		cmocka_unit_test(test_durations_are_read_with_units),
		cmocka_unit_test(test_sizes_are_written_for_people),
		cmocka_unit_test(test_an_arena_gives_zeroed_aligned_memory_until_it_is_exhausted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
