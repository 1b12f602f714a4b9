// SPDX-License-Identifier: Apache-2.0
// Numbers as people read them, and strings of others made harmless.
#include "unit/unit.h"

#include <locale.h>
#include <math.h>
#include <string.h>

#include "report/printable.h"
#include "report/quantity.h"
#include "report/sparkline.h"
#include "report/units.h"

static char storage[256];

static struct text empty(void)
{
	storage[0] = 0;
	return (struct text)TEXT_ON(storage);
}

static const char *bytes(double value, double standard_error)
{
	struct text text = empty();
	units_add_bytes_estimate(&text, value, standard_error);
	return storage;
}

static const char *count(double value, double standard_error)
{
	struct text text = empty();
	units_add_count_estimate(&text, value, standard_error);
	return storage;
}

static const char *duration(int64_t duration_ns)
{
	struct text text = empty();
	units_add_duration(&text, duration_ns);
	return storage;
}

static const char *quantity(const char *unit, double value, double standard_error)
{
	struct text text = empty();
	quantity_add(&text, unit, value, standard_error);
	return storage;
}

static const char *printable(const char *string, size_t max_columns)
{
	struct text text = empty();
	printable_add_cut(&text, string, max_columns);
	return storage;
}

static int use_utf8(void **state)
{
	(void)state;
	return setlocale(LC_CTYPE, "C.UTF-8") ? 0 : -1;
}

static int use_ascii(void **state)
{
	(void)state;
	return setlocale(LC_CTYPE, "C") ? 0 : -1;
}

static void test_sizes_have_three_digits_in_every_unit(void **state)
{
	(void)state;
	assert_string_equal(bytes(0, UNITS_EXACT), "0 B");
	assert_string_equal(bytes(1023, UNITS_EXACT), "1023 B");
	assert_string_equal(bytes(1023.6, UNITS_EXACT), "1.00 KiB");
	assert_string_equal(bytes(1536, UNITS_EXACT), "1.50 KiB");
	assert_string_equal(bytes(9.996 * 1024, UNITS_EXACT), "10.0 KiB");
	assert_string_equal(bytes(99.96 * 1024, UNITS_EXACT), "100 KiB");
	assert_string_equal(bytes(1023.6 * 1024, UNITS_EXACT), "1.00 MiB");
	assert_string_equal(bytes(1.21 * (1 << 30), UNITS_EXACT), "1.21 GiB");
	assert_string_equal(bytes(-3072, UNITS_EXACT), "-3.00 KiB");
	assert_string_equal(bytes(ldexp(1, 64), UNITS_EXACT), "16.0 EiB");
}

static void test_an_error_has_the_unit_of_its_estimate(void **state)
{
	(void)state;
	assert_string_equal(bytes(1.21 * (1 << 30), 0.04 * (1 << 30)), "1.21 GiB ±0.04");
	assert_string_equal(bytes(0, 2 << 20), "0.00 MiB ±2.00");
	assert_string_equal(bytes(100, 0), "100 B ±0");
	assert_string_equal(bytes(137 << 20, 1 << 18), "137 MiB ±0.2"); // not 0
	assert_string_equal(bytes(137 << 20, 1 << 15), "137 MiB ±0.03");
	assert_string_equal(count(3, 0.4), "3 ±0.4");
	assert_string_equal(count(12345, 678), "12.3k ±0.7");
	assert_string_equal(bytes(1024, NAN), "1.00 KiB");
}

static void test_without_utf8_there_are_only_ascii_characters(void **state)
{
	(void)state;
	struct sparkline line = { .num_ever = 0 };
	assert_string_equal(bytes(2048, 1024), "2.00 KiB +-1.00");
	assert_string_equal(quantity("nanoseconds", 2000, 1000), "2.00 us +-1.00");
	assert_string_equal(printable("caf\xc3\xa9\x1b[2J", 40), "caf??[2J");
	sparkline_note(&line, 1);
	struct text text = empty();
	sparkline_add(&text, &line, 10);
	assert_string_equal(storage, "#");
}

static void test_counts(void **state)
{
	(void)state;
	static const struct {
		uint64_t count;
		const char *expected;
	} cases[] = { { 0, "0" }, { 999, "999" }, { 1000, "1,000" }, { 1002003, "1,002,003" },
		      { UINT64_MAX, "18,446,744,073,709,551,615" } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct text text = empty();
		units_add_count(&text, cases[i].count);
		assert_string_equal(storage, cases[i].expected);
	}
	assert_string_equal(count(999, UNITS_EXACT), "999");
	assert_string_equal(count(999.6, UNITS_EXACT), "1.00k");
	assert_string_equal(count(45.6e6, UNITS_EXACT), "45.6M");
}

static void test_durations(void **state)
{
	(void)state;
	const int64_t second = 1000000000;
	assert_string_equal(duration(999999), "0s");
	assert_string_equal(duration(450 * 1000000), "450ms");
	assert_string_equal(duration(12 * second + second / 3), "12.3s");
	assert_string_equal(duration(303 * second), "5m03s");
	assert_string_equal(duration(3 * 3600 * second + 120 * second), "3h02m");
	assert_string_equal(duration(12 * 86400 * second + 3 * 3600 * second), "12d03h");
	assert_string_equal(duration(-2 * second), "-2.0s");
	assert_string_equal(duration(INT64_MIN), "-106751d23h");
}

static void test_quantities_have_the_units_of_profiles(void **state)
{
	(void)state;
	assert_string_equal(quantity("bytes", 1536, UNITS_EXACT), "1.50 KiB");
	assert_string_equal(quantity("count", 1536, 20), "1.54k ±0.02");
	assert_string_equal(quantity("", 15, UNITS_EXACT), "15");
	assert_string_equal(quantity("milliseconds", 1500, 200), "1.50 s ±0.20");
	assert_string_equal(quantity("joules", 12345678, UNITS_EXACT), "12.3M joules");
	assert_string_equal(quantity("joules", -12, NAN), "-12 joules");
	assert_string_equal(quantity("a\nb", 1, UNITS_EXACT), "1 a\xef\xbf\xbd" "b");
}

static void test_times_have_three_digits_from_nanoseconds_to_days(void **state)
{
	static const struct {
		double ns;
		const char *expected;
	} cases[] = { { 0, "0 ns" }, { 999, "999 ns" }, { 999.6, "1.00 µs" }, { 45600, "45.6 µs" }, { 999600, "1.00 ms" }, { 123e6, "123 ms" },
		      { -5e9, "-5.00 s" }, { 59.96e9, "60.0 s" }, { 60e9, "1.00 min" }, { 90e9, "1.50 min" }, { 3590e9, "59.8 min" }, { 3599e9, "1.00 h" },
		      { 9e12, "2.50 h" }, { 86400e9 * 400, "400 d" }, { 9.3e18, "107639 d" } };
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(quantity("nanoseconds", cases[i].ns, UNITS_EXACT), cases[i].expected);
	assert_string_equal(quantity("nanoseconds", 120e6, 35e6), "120 ms ±35");
	assert_string_equal(quantity("nanoseconds", 0, 2e6), "0.00 ms ±2.00");
	assert_string_equal(quantity("nanoseconds", 5e9, NAN), "5.00 s");
}

static void test_what_a_terminal_would_obey_or_hide_is_replaced(void **state)
{
	(void)state;
	static const char *const hostile[] = {
		"\x1b", "\x07", "\n", "\x7f", "\x9b", "\xc2\x9b", "\xff", "\xc0\xaf", "\xed\xa0\x80", "\xe2\x80\xae", "\xe2\x80\x8b",
		"\xf4\x90\x80\x80", "\xcc\x81",
	};
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		const char *shown = printable(hostile[i], 40);
		assert_memory_equal(shown, "\xef\xbf\xbd", 3);
		assert_int_equal(strlen(shown) % 3, 0);
	}
	assert_string_equal(printable("std::vector<int>::push_back \xc3\xa9", 40), "std::vector<int>::push_back \xc3\xa9");
}

static void test_strings_are_cut_by_columns(void **state)
{
	(void)state;
	assert_string_equal(printable("abcdef", 6), "abcdef");
	assert_string_equal(printable("abcdef", 5), "abcd…");
	assert_string_equal(printable("abcdef", 1), "…");
	assert_string_equal(printable("abcdef", 0), "");
	assert_string_equal(printable("\xe6\xbc\xa2\xe5\xad\x97", 3), "\xe6\xbc\xa2…"); // two columns each
	assert_int_equal(units_width("\xe6\xbc\xa2\xe5\xad\x97 ±"), 6);
}

static void test_a_character_that_finds_no_room_is_left_out_whole(void **state)
{
	(void)state;
	char small[6];
	struct text text = TEXT_ON(small);
	printable_add(&text, "abc\xe6\xbc\xa2z");
	assert_string_equal(small, "abc");
	assert_true(text.is_cut);
}

static void test_files_have_utf8_in_every_locale(void **state)
{
	(void)state;
	struct text text = empty();
	printable_add_utf8(&text, "caf\xc3\xa9 \n\x7f\xc2\x9b\xff");
	assert_string_equal(storage, "caf\xc3\xa9 \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

static void test_a_sparkline_goes_from_0_to_its_largest(void **state)
{
	(void)state;
	struct sparkline line = { .num_ever = 0 };
	for (int i = 0; i <= 8; i++)
		sparkline_note(&line, i);
	struct text text = empty();
	sparkline_add(&text, &line, 40);
	assert_string_equal(storage, " ▁▂▃▄▅▆▇█");
	for (int i = 0; i < 2 * SPARKLINE_MAX_MOMENTS; i++)
		sparkline_note(&line, i == 0 ? 1e9 : 2);
	text = empty();
	sparkline_add(&text, &line, 3);
	assert_string_equal(storage, "███");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_sizes_have_three_digits_in_every_unit, use_utf8),
		cmocka_unit_test_setup(test_an_error_has_the_unit_of_its_estimate, use_utf8),
		cmocka_unit_test_setup(test_without_utf8_there_are_only_ascii_characters, use_ascii),
		cmocka_unit_test_setup(test_counts, use_utf8),
		cmocka_unit_test_setup(test_durations, use_utf8),
		cmocka_unit_test_setup(test_quantities_have_the_units_of_profiles, use_utf8),
		cmocka_unit_test_setup(test_times_have_three_digits_from_nanoseconds_to_days, use_utf8),
		cmocka_unit_test_setup(test_what_a_terminal_would_obey_or_hide_is_replaced, use_utf8),
		cmocka_unit_test_setup(test_strings_are_cut_by_columns, use_utf8),
		cmocka_unit_test_setup(test_a_character_that_finds_no_room_is_left_out_whole, use_utf8),
		cmocka_unit_test_setup(test_files_have_utf8_in_every_locale, use_ascii),
		cmocka_unit_test_setup(test_a_sparkline_goes_from_0_to_its_largest, use_utf8),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
