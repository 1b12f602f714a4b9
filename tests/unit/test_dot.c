// SPDX-License-Identifier: Apache-2.0
// Call graphs in DOT: what the labels say, and names that would break out of them.
#include "unit/unit.h"

#include <stdio.h>

#include "report/dot.h"
#include "unit/view_by_hand.h"

// To be freed.
static char *write_all(const struct by_hand *by_hand)
{
	char *text = NULL;
	size_t length;
	struct call_graph graph;
	struct call_graph_limits limits = { 0 };
	FILE *file = open_memstream(&text, &length);
	call_graph_init(&graph, &by_hand->view, &limits);
	dot_write(file, &by_hand->view, &graph);
	call_graph_deinit(&graph);
	fclose(file);
	return text;
}

static void assert_has(const struct by_hand *by_hand, const char *part)
{
	char *text = write_all(by_hand);
	if (!strstr(text, part))
		fail_msg("%s is not in %s", part, text);
	free(text);
}

// One function of that name with all there is.
static void assert_label(const char *name, const char *label)
{
	struct by_hand by_hand;
	char expected[8192];
	by_hand_init(&by_hand);
	by_hand_add(&by_hand, "a", 1024);
	by_hand.frames[0].name = name;
	snprintf(expected, sizeof(expected), "label=\"%s\\n1.00 KiB (100 %%)\" tooltip", label);
	assert_has(&by_hand, expected);
}

static void test_nodes_and_calls_say_what_they_have(void **state)
{
	(void)state;
	struct by_hand by_hand;
	by_hand_init(&by_hand);
	by_hand_add(&by_hand, "ab", 3000000);
	by_hand_add(&by_hand, "abc", 1000000);
	by_hand.frames[1].file = "/src/b.c";
	assert_has(&by_hand, "label=\"a\\n0 of 3.81 MiB (100 %)\" tooltip=\"a\\nitself 0 bytes\\nwith what it calls 4,000,000 bytes\"");
	assert_has(&by_hand, "label=\"b\\n2.86 MiB (75 %)\\nof 3.81 MiB (100 %)\" tooltip=\"b\\n/src/b.c\\nitself 3,000,000 bytes\\n");
	assert_has(&by_hand, "[label=\"  977 KiB\" tooltip=\"b ->\\nc\\n1,000,000 bytes\" labeltooltip=");
	assert_has(&by_hand, "Type: inuse_space\\lTotal: 3.81 MiB\\lShown: 3.81 MiB (100 %)\\l\"");
	by_hand.variance = 1e12;
	assert_has(&by_hand, "Total: 3.81 MiB ± 977 KiB\\l");
	by_hand.type = (struct profile_type){ "samples", "count" };
	assert_has(&by_hand, "\\nwith what it calls 4,000,000\"");
	by_hand.type = (struct profile_type){ "cpu", "nanoseconds" };
	assert_has(&by_hand, "label=\"c\\n1.00 ms (25 %)\"");
	by_hand.type = (struct profile_type){ "faults", "\"pages" };
	assert_has(&by_hand, "label=\"c\\n1.00M \\\"pages (25 %)\"");
}

static void test_lines_are_shown_where_asked_for(void **state)
{
	(void)state;
	struct by_hand by_hand;
	by_hand_init(&by_hand);
	by_hand_add(&by_hand, "a", 1);
	by_hand.frames[0].file = "/src/parse.c";
	by_hand.frames[0].line = 12;
	assert_has(&by_hand, "label=\"a\\nparse.c:12\\n1 B (100 %)\" tooltip=\"a\\n/src/parse.c:12\\n");
}

static void test_names_stay_within_their_quotes(void **state)
{
	(void)state;
	assert_label("a\" color=red", "a\\\" color=red");
	assert_label("back\\\\slash\\", "back\\\\\\\\slash\\\\");
	assert_label("\\\"", "\\\\\\\"");
	assert_label("a\nb\tc\x1b[31m\x7f", "a\xef\xbf\xbd" "b\xef\xbf\xbd" "c\xef\xbf\xbd[31m\xef\xbf\xbd");
	assert_label("\xff\xfe" "caf\xc3\xa9 \xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd" "caf\xc3\xa9 \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	assert_label("not a character \xef\xbf\xbf", "not a character \xef\xbf\xbd");
	assert_label("<b>&amp;&str;&x</b>", "<b>& amp;& str;&x</b>");
	assert_label("", "");
}

static void test_labels_leave_out_parameters(void **state)
{
	(void)state;
	assert_label("f(int, char*)", "f");
	assert_label("A::f(void (*)(int)) const", "A::f");
	assert_label("A::operator()(int)", "A::operator()");
	assert_label("A::operator()", "A::operator()");
	assert_label("(anonymous namespace)::f()", "(anonymous namespace)::f");
	assert_label("main.(*T).run", "main.(*T).run");
	assert_label("(x)", "(x)");
	assert_label(")", ")");
	assert_label(") const", ") const");
	assert_label("f((x)", "f(");
}

static void test_long_labels_have_several_lines_and_are_cut(void **state)
{
	(void)state;
	assert_label("std::vector<std::pair<int, int> >::_M_realloc_insert", "std::vector<std::pair<int, int> \\n>::_M_realloc_insert");
	assert_label("abcdefghijklmnopqrstuvwxyz0123456789", "abcdefghijklmnopqrstuvwxyz012345\\n6789");
	char name[10001], label[400] = "";
	for (size_t i = 0; i < sizeof(name) - 1; i += 2)
		memcpy(name + i, "\xc3\xa9", 2);
	name[sizeof(name) - 1] = 0;
	for (int i = 0; i < 79; i++)
		strcat(label, i == 32 || i == 64 ? "\\n\xc3\xa9" : "\xc3\xa9");
	strcat(label, "…");
	assert_label(name, label);
	struct by_hand by_hand;
	by_hand_init(&by_hand);
	by_hand_add(&by_hand, "a", 1);
	by_hand.frames[0].name = name;
	assert_has(&by_hand, "\xc3\xa9…\\nitself 1 bytes");
	char *text = write_all(&by_hand);
	assert_true(strlen(text) < 4000);
	free(text);
}

static void test_a_view_always_gives_the_same_bytes(void **state)
{
	(void)state;
	struct by_hand by_hand;
	char word[] = "mab";
	by_hand_init(&by_hand);
	for (int i = 0; i < 50; i++) {
		word[1] = (char)('a' + i % 7);
		word[2] = (char)('a' + i % 13);
		by_hand_add(&by_hand, word, 100);
	}
	char *first = write_all(&by_hand), *second = write_all(&by_hand);
	assert_string_equal(first, second);
	free(first);
	free(second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nodes_and_calls_say_what_they_have),
		cmocka_unit_test(test_lines_are_shown_where_asked_for),
		cmocka_unit_test(test_names_stay_within_their_quotes),
		cmocka_unit_test(test_labels_leave_out_parameters),
		cmocka_unit_test(test_long_labels_have_several_lines_and_are_cut),
		cmocka_unit_test(test_a_view_always_gives_the_same_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
