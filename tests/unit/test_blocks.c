// SPDX-License-Identifier: Apache-2.0
#include "unit/unit.h"

#include <stdlib.h>

#include "ledger/blocks.h"
#include "unit/threads.h"

static int create(void **state)
{
	struct ledger *ledger = malloc(sizeof(*ledger));
	*state = ledger;
	return ledger_create(ledger, 8 << 20, 1) ? 0 : -1;
}

static int destroy(void **state)
{
	ledger_destroy(*state);
	free(*state);
	return 0;
}

static struct block block_at(uint64_t address)
{
	return (struct block){ .address = address, .size_bytes = address * 3, .weight = LEDGER_ONE, .site = 1 };
}

static void test_a_block_is_known_until_it_is_removed(void **state)
{
	struct block block = block_at(0x1230), found;
	assert_int_equal(block_add(*state, &block, &found), BLOCK_ADDED);
	assert_false(block_remove(*state, 0x1240, &found));
	assert_true(block_remove(*state, 0x1230, &found));
	assert_int_equal(found.size_bytes, 0x1230 * 3);
	assert_int_equal(found.site, 1);
	assert_false(block_remove(*state, 0x1230, &found));
}

static void test_an_address_that_comes_again_replaces_the_old_block(void **state)
{
	struct block block = block_at(0x1230), replaced, found;
	block_add(*state, &block, &replaced);
	block.size_bytes = 7;
	assert_int_equal(block_add(*state, &block, &replaced), BLOCK_REPLACED);
	assert_int_equal(replaced.size_bytes, 0x1230 * 3);
	assert_true(block_remove(*state, 0x1230, &found));
	assert_int_equal(found.size_bytes, 7);
	assert_false(block_remove(*state, 0x1230, &found));
}

static void test_places_of_removed_blocks_are_used_again(void **state)
{
	struct ledger *ledger = *state;
	struct block found;
	for (uint64_t i = 1; i <= 1000000; i++) {
		struct block block = block_at(i * 16);
		assert_int_equal(block_add(ledger, &block, &found), BLOCK_ADDED);
		if (i > 100)
			assert_true(block_remove(ledger, (i - 100) * 16, &found));
	}
	assert_true(ledger_num_used(ledger, LEDGER_BLOCKS) < 10000);
}

static void test_a_full_table_says_so_and_works_on(void **state)
{
	struct block block, found;
	uint64_t i = 1;
	for (block = block_at(16); block_add(*state, &block, &found) == BLOCK_ADDED; block = block_at(16 * ++i))
		;
	assert_int_equal(block_add(*state, &block, &found), BLOCK_NO_ROOM);
	for (uint64_t j = 1; j < i; j++)
		assert_true(block_remove(*state, 16 * j, &found));
	assert_int_equal(block_add(*state, &block, &found), BLOCK_ADDED);
}

// Threads work on addresses of their own which share buckets and free lists.
static void work(int number, void *argument)
{
	struct block found;
	for (uint64_t round = 0; round < 200; round++) {
		for (uint64_t i = 1; i <= 500; i++) {
			struct block block = block_at((i * NUM_THREADS + (uint64_t)number) * 16);
			assert_int_equal(block_add(argument, &block, &found), BLOCK_ADDED);
		}
		for (uint64_t i = 500; i >= 1; i--) {
			uint64_t address = (i * NUM_THREADS + (uint64_t)number) * 16;
			assert_true(block_remove(argument, address, &found));
			assert_int_equal(found.size_bytes, address * 3);
		}
	}
}

static void test_threads_do_not_lose_each_others_blocks(void **state)
{
	struct ledger *ledger = *state;
	run_in_threads(work, ledger);
	for (uint64_t i = 1; i < ledger_num_used(ledger, LEDGER_BLOCKS); i++)
		assert_int_equal(ledger->blocks[i].address, 0);
	assert_int_equal(ledger_get_count(ledger, LEDGER_COUNTER_contended), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_block_is_known_until_it_is_removed, create, destroy),
		cmocka_unit_test_setup_teardown(test_an_address_that_comes_again_replaces_the_old_block, create, destroy),
		cmocka_unit_test_setup_teardown(test_places_of_removed_blocks_are_used_again, create, destroy),
		cmocka_unit_test_setup_teardown(test_a_full_table_says_so_and_works_on, create, destroy),
		cmocka_unit_test_setup_teardown(test_threads_do_not_lose_each_others_blocks, create, destroy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
