// SPDX-License-Identifier: Apache-2.0
#include "unit/unit.h"

#include <stdlib.h>

#include "ledger/tree.h"
#include "unit/threads.h"

static int create(void **state)
{
	struct ledger *ledger = malloc(sizeof(*ledger));
	*state = ledger;
	return ledger_create(ledger, 16 << 20, 1) ? 0 : -1;
}

static int destroy(void **state)
{
	ledger_destroy(*state);
	free(*state);
	return 0;
}

static void test_the_same_frame_and_node_are_found_again(void **state)
{
	struct ledger *ledger = *state;
	uint32_t frame = tree_get_frame(ledger, 1, 0x1000);
	assert_int_equal(tree_get_frame(ledger, 1, 0x1000), frame);
	assert_int_not_equal(tree_get_frame(ledger, 2, 0x1000), frame);
	assert_int_not_equal(tree_get_frame(ledger, 1, 0x1001), frame);
	uint32_t root = tree_get_node(ledger, 0, frame), leaf = tree_get_node(ledger, root, frame);
	assert_int_not_equal(root, leaf);
	assert_int_equal(tree_get_node(ledger, 0, frame), root);
	assert_int_equal(tree_get_node(ledger, root, frame), leaf);
	assert_true(root < leaf);
}

static void insert_many(int number, void *argument)
{
	struct ledger *ledger = argument;
	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t value = number % 2 ? i : 19999 - i;
		uint32_t frame = tree_get_frame(ledger, 0, 0x1000 + value);
		uint32_t root = tree_get_node(ledger, 0, frame);
		tree_get_node(ledger, root, frame);
	}
}

static void test_threads_that_add_the_same_agree(void **state)
{
	struct ledger *ledger = *state;
	run_in_threads(insert_many, ledger);
	for (uint32_t i = 0; i < 20000; i++) {
		uint64_t num_before = ledger_num_used(ledger, LEDGER_NODES);
		uint32_t frame = tree_get_frame(ledger, 0, 0x1000 + i);
		uint32_t leaf = tree_get_node(ledger, tree_get_node(ledger, 0, frame), frame);
		assert_int_equal(ledger->frames[frame].address, 0x1000 + i);
		assert_int_equal(ledger->nodes[ledger->nodes[leaf].parent].frame, frame);
		assert_true(ledger->nodes[leaf].parent < leaf);
		assert_int_equal(ledger_num_used(ledger, LEDGER_NODES), num_before);
	}
}

static void test_a_full_ledger_gives_no_node_and_keeps_the_old_ones(void **state)
{
	struct ledger *ledger = *state;
	uint32_t frame = tree_get_frame(ledger, 0, 0x1000), node = 0, last = 0;
	for (node = tree_get_node(ledger, 0, frame); node; node = tree_get_node(ledger, node, frame))
		last = node;
	assert_int_equal(tree_get_node(ledger, last, frame), 0);
	assert_int_equal(tree_get_frame(ledger, 0, 0x1000), frame);
	assert_int_equal(tree_get_node(ledger, ledger->nodes[last].parent, frame), last);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_same_frame_and_node_are_found_again, create, destroy),
		cmocka_unit_test_setup_teardown(test_threads_that_add_the_same_agree, create, destroy),
		cmocka_unit_test_setup_teardown(test_a_full_ledger_gives_no_node_and_keeps_the_old_ones, create, destroy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
