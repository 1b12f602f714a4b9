// SPDX-License-Identifier: Apache-2.0
// Call graphs: weights, what is left out, and how what is left stays connected.
#include "unit/unit.h"

#include <stdio.h>

#include "report/call_graph.h"
#include "unit/view_by_hand.h"

static const struct call_graph_limits no_limits = { 0 };

// "a 0/30, b 10/30; a>b 30" with functions by name and calls as the graph has them; "..>" is residual.
static const char *show(const struct by_hand *by_hand, const struct call_graph_limits *limits)
{
	static char text[4096];
	struct call_graph graph;
	size_t length = 0;
	call_graph_init(&graph, &by_hand->view, limits);
	text[0] = 0;
	for (uint32_t frame = 0; frame < 26; frame++)
		for (uint32_t i = 0; i < graph.num_nodes; i++)
			if (graph.nodes[i].frame == frame)
				length += (size_t)sprintf(text + length, "%s%c %ld/%ld", length ? ", " : "", (char)('a' + frame),
							  (long)graph.nodes[i].flat, (long)graph.nodes[i].cum);
	for (size_t i = 0; i < graph.num_edges; i++)
		length += (size_t)sprintf(text + length, "; %c%s>%c %ld", (char)('a' + graph.nodes[graph.edges[i].caller].frame),
					  graph.edges[i].is_residual ? ".." : "",
					  (char)('a' + graph.nodes[graph.edges[i].callee].frame), (long)graph.edges[i].weight);
	call_graph_deinit(&graph);
	return text;
}

static struct call_graph_limits limits_of(uint32_t max_nodes, double node_fraction, double edge_fraction)
{
	return (struct call_graph_limits){ max_nodes, node_fraction, edge_fraction };
}

static void test_a_function_has_its_own_and_what_it_calls(void **state)
{
	(void)state;
	struct by_hand by_hand;
	by_hand_init(&by_hand);
	by_hand_add(&by_hand, "ab", 10);
	by_hand_add(&by_hand, "abc", 5);
	by_hand_add(&by_hand, "ac", 3);
	assert_string_equal("a 0/18, b 10/15, c 8/8; a>b 15; b>c 5; a>c 3", show(&by_hand, &no_limits));
}

static void test_recursion_counts_once_for_a_stack(void **state)
{
	(void)state;
	struct by_hand by_hand;
	by_hand_init(&by_hand);
	by_hand_add(&by_hand, "abababb", 10);
	by_hand_add(&by_hand, "ab", 1);
	assert_string_equal("a 0/11, b 11/11; a>b 11; b>a 10", show(&by_hand, &no_limits));
}

static void test_small_functions_are_left_out_and_their_callers_and_callees_connected(void **state)
{
	(void)state;
	struct by_hand by_hand;
	struct call_graph_limits limits = limits_of(0, 0.01, 0);
	struct call_graph graph;
	by_hand_init(&by_hand);
	by_hand_add(&by_hand, "ab", 990);
	by_hand_add(&by_hand, "axc", 5);
	by_hand_add(&by_hand, "ayc", 5);
	by_hand_add(&by_hand, "az", 5); // what is left out is nobody's
	assert_string_equal("a 0/1005, b 990/990, c 10/10; a>b 990; a..>c 10", show(&by_hand, &limits));
	call_graph_init(&graph, &by_hand.view, &limits);
	assert_int_equal(3, graph.num_small_nodes);
	assert_int_equal(10, graph.smallest_node);
	call_graph_deinit(&graph);
}

static void test_of_too_many_functions_those_that_tell_most_are_kept(void **state)
{
	(void)state;
	struct by_hand by_hand;
	struct call_graph_limits limits = limits_of(4, 0, 0);
	struct call_graph graph;
	by_hand_init(&by_hand);
	by_hand_add(&by_hand, "apqb", 50); // p and q only pass on
	by_hand_add(&by_hand, "apqc", 50);
	by_hand_add(&by_hand, "ad", 1);
	assert_string_equal("a 0/101, b 50/50, c 50/50, q 0/100; a..>q 100; q>b 50; q>c 50", show(&by_hand, &limits));
	call_graph_init(&graph, &by_hand.view, &limits);
	assert_int_equal(2, graph.num_more_nodes);
	call_graph_deinit(&graph);
}

static void test_what_a_function_has_itself_tells_something(void **state)
{
	(void)state;
	struct by_hand by_hand;
	struct call_graph_limits limits = limits_of(2, 0, 0);
	by_hand_init(&by_hand);
	by_hand_add(&by_hand, "apb", 50);
	by_hand_add(&by_hand, "ap", 50); // but for this p would only pass on
	by_hand_add(&by_hand, "ar", 60);
	assert_string_equal("a 0/160, p 50/100; a>p 100", show(&by_hand, &limits));
}

static void test_small_calls_are_left_out(void **state)
{
	(void)state;
	struct by_hand by_hand;
	struct call_graph_limits limits = limits_of(0, 0, 0.1);
	by_hand_init(&by_hand);
	by_hand_add(&by_hand, "ab", 95);
	by_hand_add(&by_hand, "cb", 5);
	assert_string_equal("a 0/95, b 100/100, c 0/5; a>b 95", show(&by_hand, &limits));
}

// a ..> c because of x, but c is reached from a by way of b too.
static void test_a_residual_call_is_left_out_where_its_ends_are_connected(void **state)
{
	(void)state;
	struct by_hand by_hand;
	struct call_graph_limits limits = limits_of(0, 0.01, 0);
	by_hand_init(&by_hand);
	by_hand_add(&by_hand, "abc", 995);
	by_hand_add(&by_hand, "axc", 5);
	assert_string_equal("a 0/1000, b 0/995, c 1000/1000; a>b 995; b>c 995", show(&by_hand, &limits));
}

static void test_a_residual_call_stays_where_a_direct_one_is_lighter(void **state)
{
	(void)state;
	struct by_hand by_hand;
	struct call_graph_limits limits = limits_of(0, 0.0065, 0);
	by_hand_init(&by_hand);
	by_hand_add(&by_hand, "ab", 990);
	by_hand_add(&by_hand, "abc", 3);
	by_hand_add(&by_hand, "axc", 5);
	assert_string_equal("a 0/998, b 990/993, c 8/8; a>b 993; a..>c 5; b>c 3", show(&by_hand, &limits));
}

// The first by name, where both are equal.
static void test_of_residual_calls_that_connect_each_other_one_stays(void **state)
{
	(void)state;
	struct by_hand by_hand;
	struct call_graph_limits limits = limits_of(0, 0.0075, 0);
	by_hand_init(&by_hand);
	by_hand_add(&by_hand, "ab", 500);
	by_hand_add(&by_hand, "ba", 500);
	by_hand_add(&by_hand, "byc", 6);
	by_hand_add(&by_hand, "axc", 6);
	assert_string_equal("a 500/1006, b 500/1006, c 12/12; a>b 500; b>a 500; a..>c 6", show(&by_hand, &limits));
}

static void test_values_may_be_negative_and_of_any_size(void **state)
{
	(void)state;
	struct by_hand by_hand;
	by_hand_init(&by_hand);
	by_hand_add(&by_hand, "ab", -10);
	by_hand_add(&by_hand, "ac", 10);
	assert_string_equal("b -10/-10, c 10/10", show(&by_hand, &no_limits)); // a comes to nothing
	by_hand_init(&by_hand);
	by_hand_add(&by_hand, "ab", INT64_MAX);
	by_hand_add(&by_hand, "ab", INT64_MAX);
	by_hand_add(&by_hand, "ac", INT64_MIN);
	struct call_graph_limits limits = limits_of(10, 0.5, 0.5);
	assert_string_equal("a 0/-1, b 9223372036854775807/9223372036854775807, c -9223372036854775808/-9223372036854775808; "
			    "a>c -9223372036854775808; a>b 9223372036854775807", show(&by_hand, &no_limits));
	assert_non_null(show(&by_hand, &limits));
}

static void test_nothing_makes_an_empty_graph(void **state)
{
	(void)state;
	struct by_hand by_hand;
	struct call_graph_limits limits = limits_of(80, 0.005, 0.001);
	by_hand_init(&by_hand);
	assert_string_equal("", show(&by_hand, &limits));
	by_hand.view.num_frames = 0;
	assert_string_equal("", show(&by_hand, &limits));
	by_hand_init(&by_hand);
	by_hand_add(&by_hand, "", 5);
	assert_string_equal("", show(&by_hand, &limits));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_function_has_its_own_and_what_it_calls),
		cmocka_unit_test(test_recursion_counts_once_for_a_stack),
		cmocka_unit_test(test_small_functions_are_left_out_and_their_callers_and_callees_connected),
		cmocka_unit_test(test_of_too_many_functions_those_that_tell_most_are_kept),
		cmocka_unit_test(test_what_a_function_has_itself_tells_something),
		cmocka_unit_test(test_small_calls_are_left_out),
		cmocka_unit_test(test_a_residual_call_is_left_out_where_its_ends_are_connected),
		cmocka_unit_test(test_a_residual_call_stays_where_a_direct_one_is_lighter),
		cmocka_unit_test(test_of_residual_calls_that_connect_each_other_one_stays),
		cmocka_unit_test(test_values_may_be_negative_and_of_any_size),
		cmocka_unit_test(test_nothing_makes_an_empty_graph),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
