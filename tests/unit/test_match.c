// SPDX-License-Identifier: Apache-2.0
// Regular expressions that names are compared with.
#include "unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "report/match.h"

static struct match *create(const char *pattern, bool is_whole)
{
	struct match *match;
	struct error error = { "" };
	if (!match_create(&match, "--focus", pattern, is_whole, &error))
		fail_msg("%s", error.message);
	return match;
}

static bool finds(const char *pattern, bool is_whole, const char *name)
{
	struct match *match = create(pattern, is_whole);
	bool found = match_finds(match, name, strlen(name));
	match_destroy(match);
	return found;
}

static void test_a_part_of_a_name_matches(void **state)
{
	(void)state;
	assert_true(finds("pars", false, "xml::parse"));
	assert_true(finds("^xml::", false, "xml::parse"));
	assert_true(finds("PARSE", false, "xml::parse") == false);
	assert_true(finds("(?i)PARSE", false, "xml::parse"));
	assert_true(finds("^parse", false, "xml::parse") == false);
	assert_true(finds("", false, "anything"));
}

static void test_a_whole_name_matches_from_beginning_to_end(void **state)
{
	(void)state;
	assert_true(finds("malloc|calloc", true, "calloc"));
	assert_true(finds("malloc|calloc", true, "mallocate") == false);
	assert_true(finds("malloc|calloc", true, "my_malloc") == false);
	assert_true(finds("a|ab", true, "ab")); // not the first alternative only
}

static void test_names_may_hold_any_bytes(void **state)
{
	static const char name[] = "\xff\xc3(\0parse";
	struct match *match = create("pa.se$", false);
	(void)state;
	assert_true(match_finds(match, name, sizeof(name) - 1));
	assert_true(match_finds(match, name, sizeof(name) - 2) == false);
	match_destroy(match);
	assert_true(finds("^.$", false, "\xc3\xa4")); // a character
}

static void assert_wrong(const char *pattern, const char *message)
{
	struct match *match;
	struct error error;
	assert_false(match_create(&match, "--focus", pattern, false, &error));
	assert_string_equal(error.message, message);
}

static void test_what_is_wrong_with_a_pattern_is_said(void **state)
{
	(void)state;
	assert_wrong("a(b", "--focus a(b: missing closing parenthesis (at offset 3); expected a regular expression as in Perl");
	assert_wrong("ab*+*",
		     "--focus ab*+*: quantifier does not follow a repeatable item (at offset 4); expected a regular expression as in Perl");
	char *pattern = memory_get(70001, 1);
	struct match *match;
	struct error error;
	assert_false(match_create(&match, "--focus", memset(pattern, 'a', 70000), false, &error));
	assert_non_null(strstr(error.message, "longer than the limit"));
	free(pattern);
}

static double seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void test_what_would_take_for_ever_does_not_match(void **state)
{
	static char name[100000];
	(void)state;
	memset(name, 'a', sizeof(name));
	double start = seconds();
	for (int is_whole = 0; is_whole <= 1; is_whole++) {
		struct match *match = create("(a+)+(a|aa)*b", is_whole);
		for (int i = 0; i < 100; i++)
			assert_false(match_finds(match, name, sizeof(name)));
		match_destroy(match);
	}
	struct match *match = create("((a+)+)+$", true);
	assert_true(match_finds(match, name, 1000));
	match_destroy(match);
	assert_true(seconds() - start < 2);
}

static void test_the_end_of_a_very_long_name_is_not_looked_at(void **state)
{
	static char name[MATCH_MAX_NAME_BYTES + 10];
	struct match *match = create("b", false);
	(void)state;
	memset(name, 'a', sizeof(name));
	name[MATCH_MAX_NAME_BYTES] = 'b';
	assert_false(match_finds(match, name, sizeof(name)));
	name[MATCH_MAX_NAME_BYTES - 1] = 'b';
	assert_true(match_finds(match, name, sizeof(name)));
	match_destroy(match);
	match_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_part_of_a_name_matches),
		cmocka_unit_test(test_a_whole_name_matches_from_beginning_to_end),
		cmocka_unit_test(test_names_may_hold_any_bytes),
		cmocka_unit_test(test_what_is_wrong_with_a_pattern_is_said),
		cmocka_unit_test(test_what_would_take_for_ever_does_not_match),
		cmocka_unit_test(test_the_end_of_a_very_long_name_is_not_looked_at),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
