// SPDX-License-Identifier: Apache-2.0
// Functions and stacks in the order of what they have, and stacks as lines for flame graphs.
#include "unit/unit.h"

#include <math.h>
#include <stdio.h>

#include "report/folded.h"
#include "report/frame_name.h"
#include "report/ranking.h"
#include "report/stacks.h"
#include "unit/view_by_hand.h"

static struct by_hand by_hand;

static int create(void **state)
{
	(void)state;
	by_hand_init(&by_hand);
	return 0;
}

// "name flat cum" of each row.
static const char *ranked(enum ranking_order order)
{
	static char text[1000];
	struct ranking ranking;
	text[0] = 0;
	ranking_init(&ranking, &by_hand.view, order);
	for (uint32_t i = 0; i < ranking.num_rows; i++)
		sprintf(text + strlen(text), "%s%s %lld %lld", i ? ", " : "", by_hand.frames[ranking.rows[i].frame].name,
			(long long)ranking.rows[i].flat, (long long)ranking.rows[i].cum);
	ranking_deinit(&ranking);
	return text;
}

static const char *folded(void)
{
	static char text[1000];
	struct stacks stacks;
	memset(text, 0, sizeof(text));
	FILE *to = fmemopen(text, sizeof(text) - 1, "w");
	stacks_init(&stacks, &by_hand.view);
	folded_write(to, &by_hand.view, &stacks);
	stacks_deinit(&stacks);
	fclose(to);
	return text;
}

static void test_flat_is_the_leaf_s_and_cum_all_callers(void **state)
{
	(void)state;
	by_hand_add(&by_hand, "abc", 5);
	by_hand_add(&by_hand, "ab", 3);
	by_hand_add(&by_hand, "d", 1);
	assert_string_equal(ranked(RANKING_FLAT), "c 5 5, b 3 8, d 1 1, a 0 8");
	assert_string_equal(ranked(RANKING_CUM), "b 3 8, a 0 8, c 5 5, d 1 1");
}

static void test_recursion_counts_once(void **state)
{
	(void)state;
	by_hand_add(&by_hand, "abbb", 5);
	by_hand_add(&by_hand, "abab", 2);
	assert_string_equal(ranked(RANKING_FLAT), "b 7 7, a 0 7");
}

static void test_stacks_without_value_do_not_count(void **state)
{
	(void)state;
	by_hand_add(&by_hand, "ab", 0);
	by_hand_add(&by_hand, "", 4);
	assert_string_equal(ranked(RANKING_FLAT), "");
	assert_string_equal(folded(), "[no stack] 4\n");
}

static void test_what_shrank_is_as_large_as_what_grew(void **state)
{
	(void)state;
	by_hand_add(&by_hand, "a", 3);
	by_hand_add(&by_hand, "b", -5);
	by_hand_add(&by_hand, "c", INT64_MIN);
	assert_string_equal(ranked(RANKING_FLAT), "c -9223372036854775808 -9223372036854775808, b -5 -5, a 3 3");
	by_hand_add(&by_hand, "ed", -4);
	assert_string_equal(ranked(RANKING_CUM) + 45, "b -5 -5, d -4 -4, e 0 -4, a 3 3");
	by_hand.view.num_stacks--;
	assert_string_equal(folded(), "c -9223372036854775808\nb -5\na 3\n");
}

static void test_sums_end_at_the_largest_number(void **state)
{
	(void)state;
	by_hand_add(&by_hand, "ab", INT64_MAX);
	by_hand_add(&by_hand, "acb", 1);
	assert_string_equal(ranked(RANKING_FLAT), "b 9223372036854775807 9223372036854775807, a 0 9223372036854775807, c 0 1");
}

static void test_equal_ones_are_in_the_order_of_their_names(void **state)
{
	(void)state;
	by_hand.frames[0].name = "z";
	by_hand_add(&by_hand, "a", 3);
	by_hand_add(&by_hand, "y", 3);
	assert_string_equal(ranked(RANKING_FLAT), "y 3 3, z 3 3");
	assert_string_equal(ranked(RANKING_CUM), "y 3 3, z 3 3");
}

static void test_errors_add_up_as_variances(void **state)
{
	struct ranking ranking;
	struct stacks stacks;
	(void)state;
	by_hand_add(&by_hand, "ac", 10);
	by_hand_add(&by_hand, "abc", 10);
	by_hand_add(&by_hand, "d", 5);
	by_hand_add(&by_hand, "e", 4);
	by_hand_add(&by_hand, "ac", 1); // with another label
	by_hand.variances[0] = 9;
	by_hand.variances[1] = 16;
	by_hand.variances[3] = NAN;
	by_hand.variances[4] = 7;
	ranking_init(&ranking, &by_hand.view, RANKING_FLAT);
	assert_int_equal(ranking.num_rows, 5);
	assert_true(fabs(ranking.rows[0].flat_error - sqrt(32)) < 1e-9); // c
	assert_true(ranking.rows[1].flat_error < 0);                     // d is exact
	assert_true(isnan(ranking.rows[2].cum_error));                   // e
	assert_true(fabs(ranking.rows[3].cum_error - sqrt(32)) < 1e-9 && ranking.rows[3].flat_error < 0); // a
	assert_true(ranking.rows[4].cum_error == 4);                     // b
	ranking_deinit(&ranking);
	stacks_init(&stacks, &by_hand.view);
	assert_true(stacks.rows[0].value == 11 && stacks.rows[0].error == 4);
	assert_true(stacks.rows[1].value == 10 && stacks.rows[1].error == 4);
	assert_true(stacks.rows[2].error < 0 && isnan(stacks.rows[3].error));
	stacks_deinit(&stacks);
}

static void test_folded_stacks_begin_at_the_root(void **state)
{
	(void)state;
	by_hand_add(&by_hand, "abc", 5);
	by_hand_add(&by_hand, "ab", 7);
	assert_string_equal(folded(), "a;b 7\na;b;c 5\n");
}

static void test_stacks_that_differ_in_labels_are_one(void **state)
{
	(void)state;
	by_hand_add(&by_hand, "ab", 5);
	by_hand_add(&by_hand, "ab", 7);
	by_hand_add(&by_hand, "ac", 7);
	by_hand_add(&by_hand, "ac", -7);
	assert_string_equal(folded(), "a;b 12\n");
}

static void test_names_cannot_break_lines_apart(void **state)
{
	(void)state;
	by_hand.frames[0].name = "f(char;\nint) 5";
	by_hand.frames[1].name = "\xff\x1b[31mg";
	by_hand_add(&by_hand, "ab", 5);
	assert_string_equal(folded(), "f(char:\xef\xbf\xbdint) 5;\xef\xbf\xbd\xef\xbf\xbd[31mg 5\n");
}

static void test_names_of_which_nothing_can_be_shown_are_whole(void **state)
{
	char bad[101] = "";
	(void)state;
	memset(bad, 0xff, 100);
	char *name = frame_name_create(&(struct view_frame){ .name = bad, .file = bad, .line = 7 }, printable_add_utf8);
	assert_int_equal(strlen(name), 600 + strlen(" (:7)"));
	free(name);
}

static void test_frames_that_are_lines_have_their_place(void **state)
{
	const struct view_frame frames[] = {
		{ .name = "parse", .file = "src/parse.c", .line = 12 },
		{ .name = "parse", .file = "src/parse.c", .line = 0 },
		{ .name = "parse", .file = "", .line = 12 },
		{ .name = "a\n b", .file = "\xff", .line = INT64_MAX },
	};
	static const char *const names[] = { "parse (src/parse.c:12)", "parse", "parse (?:12)",
					     "a\xef\xbf\xbd b (\xef\xbf\xbd:9223372036854775807)" };
	(void)state;
	for (int i = 0; i < 4; i++) {
		char *name = frame_name_create(&frames[i], printable_add_utf8);
		assert_string_equal(name, names[i]);
		free(name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_flat_is_the_leaf_s_and_cum_all_callers, create),
		cmocka_unit_test_setup(test_recursion_counts_once, create),
		cmocka_unit_test_setup(test_stacks_without_value_do_not_count, create),
		cmocka_unit_test_setup(test_what_shrank_is_as_large_as_what_grew, create),
		cmocka_unit_test_setup(test_sums_end_at_the_largest_number, create),
		cmocka_unit_test_setup(test_equal_ones_are_in_the_order_of_their_names, create),
		cmocka_unit_test_setup(test_errors_add_up_as_variances, create),
		cmocka_unit_test_setup(test_folded_stacks_begin_at_the_root, create),
		cmocka_unit_test_setup(test_stacks_that_differ_in_labels_are_one, create),
		cmocka_unit_test_setup(test_names_cannot_break_lines_apart, create),
		cmocka_unit_test(test_names_of_which_nothing_can_be_shown_are_whole),
		cmocka_unit_test(test_frames_that_are_lines_have_their_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
