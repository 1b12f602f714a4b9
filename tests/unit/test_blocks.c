// SPDX-License-Identifier: Apache-2.0
#include "unit/unit.h"

#include <stdlib.h>

#include "ledger/blocks.h"
#include "unit/tallying.h"
#include "unit/threads.h"

static struct ledger ledger;

static int create(void **state)
{
	struct ledger_writer *writer = calloc(1, sizeof(*writer));
	*state = writer;
	if (!ledger_create(&ledger, 8 << 20, 1))
		return -1;
	ledger_writer_init(writer, &ledger, 0);
	return 0;
}

static int destroy(void **state)
{
	ledger_writer_deinit(*state);
	free(*state);
	ledger_destroy(&ledger);
	return 0;
}

static struct block block_at(uint64_t address)
{
	return (struct block){ .address = address, .size_bytes = address * 3, .weight = LEDGER_ONE, .site = 1 };
}

static void test_a_block_is_known_until_it_is_removed(void **state)
{
	struct block block = block_at(0x1230), found;
	assert_int_equal(add_block(*state, &block, &found), BLOCK_ADDED);
	assert_false(remove_block(*state, 0x1240, &found));
	assert_true(remove_block(*state, 0x1230, &found));
	assert_int_equal(found.size_bytes, 0x1230 * 3);
	assert_int_equal(found.site, 1);
	assert_false(remove_block(*state, 0x1230, &found));
}

static void test_an_address_that_comes_again_replaces_the_old_block(void **state)
{
	struct block block = block_at(0x1230), replaced, found;
	add_block(*state, &block, &replaced);
	block.size_bytes = 7;
	assert_int_equal(add_block(*state, &block, &replaced), BLOCK_REPLACED);
	assert_int_equal(replaced.size_bytes, 0x1230 * 3);
	assert_true(remove_block(*state, 0x1230, &found));
	assert_int_equal(found.size_bytes, 7);
	assert_false(remove_block(*state, 0x1230, &found));
}

static void test_places_of_removed_blocks_are_used_again(void **state)
{
	struct block found;
	for (uint64_t i = 1; i <= 1000000; i++) {
		struct block block = block_at(i * 16);
		assert_int_equal(add_block(*state, &block, &found), BLOCK_ADDED);
		if (i > 100)
			assert_true(remove_block(*state, (i - 100) * 16, &found));
	}
	assert_true(ledger_num_used(&ledger, LEDGER_BLOCKS) < 10000);
}

static void test_a_full_table_says_so_and_works_on(void **state)
{
	struct block block, found;
	uint64_t i = 1;
	for (block = block_at(16); add_block(*state, &block, &found) == BLOCK_ADDED; block = block_at(16 * ++i))
		;
	assert_int_equal(add_block(*state, &block, &found), BLOCK_NO_ROOM);
	for (uint64_t j = 1; j < i; j++)
		assert_true(remove_block(*state, 16 * j, &found));
	assert_int_equal(add_block(*state, &block, &found), BLOCK_ADDED);
}

// Weights are kept in 32 bits, to 27 of them.
// As a thread does that ends while it changes the chain: nobody else is to wait for it.
static void test_the_lock_of_a_writer_that_was_left_in_the_middle_is_given_back(void **state)
{
	struct ledger_writer *writer = *state, other = { 0 };
	struct block block = block_at(0x1230), found;
	_Atomic uint32_t *bucket = block_bucket(&ledger, 0x1230);
	ledger_writer_init(&other, &ledger, 1);
	add_block(writer, &block, &found);
	assert_null(writer->locked);
	atomic_fetch_or(bucket, BLOCK_LOCK);
	writer->locked = bucket;
	assert_false(remove_block(&other, 0x1230, &found));
	ledger_writer_mend(&other);
	assert_false(remove_block(&other, 0x1230, &found));
	ledger_writer_mend(writer);
	assert_null(writer->locked);
	assert_true(remove_block(&other, 0x1230, &found));
	assert_int_equal(found.size_bytes, 0x1230 * 3);
	ledger_writer_deinit(&other);
}

static void test_weights_that_a_block_can_keep_come_back(void **state)
{
	static const uint64_t weights[] = { LEDGER_ONE, LEDGER_ONE + 1, (1 << 27) - 1, 1 << 27, UINT64_C(0x7ffffff) << 21, UINT64_C(1) << 57 };
	for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++) {
		struct block block = { .address = 16, .size_bytes = 1, .weight = weights[i], .site = 1 }, found;
		add_block(*state, &block, &found);
		assert_true(remove_block(*state, 16, &found));
		assert_int_equal(found.weight, weights[i]);
		assert_int_equal(weights[i] & ((UINT64_C(1) << block_weight_exponent(weights[i])) - 1), 0);
	}
}

// Threads work on addresses of their own which share buckets.
static void work(int number, void *argument)
{
	struct ledger_writer writer;
	struct block found;
	(void)argument;
	ledger_writer_init(&writer, &ledger, (uint32_t)number);
	for (uint64_t round = 0; round < 200; round++) {
		for (uint64_t i = 1; i <= 500; i++) {
			struct block block = block_at((i * NUM_THREADS + (uint64_t)number) * 16);
			assert_int_equal(add_block(&writer, &block, &found), BLOCK_ADDED);
		}
		for (uint64_t i = 500; i >= 1; i--) {
			uint64_t address = (i * NUM_THREADS + (uint64_t)number) * 16;
			assert_true(remove_block(&writer, address, &found));
			assert_int_equal(found.size_bytes, address * 3);
		}
	}
	ledger_writer_deinit(&writer);
}

static void test_threads_do_not_lose_each_others_blocks(void **state)
{
	(void)state;
	run_in_threads(work, NULL);
	for (uint64_t i = 1; i < ledger_num_used(&ledger, LEDGER_BLOCKS); i++)
		assert_int_equal(ledger.blocks[i].address, 0);
	assert_int_equal(ledger_get_count(&ledger, LEDGER_COUNTER_contended), 0);
}

// One thread allocates what the other one frees: places of blocks must come back, in batches.
#define NUM_PASSED 300000
static _Atomic uint64_t num_passed, num_taken;

static void pass(int number, void *argument)
{
	struct ledger_writer writer;
	struct block found;
	(void)argument;
	if (number > 1)
		return;
	ledger_writer_init(&writer, &ledger, (uint32_t)number);
	for (uint64_t i = 1; i <= NUM_PASSED; i++) {
		if (number == 0) {
			struct block block = block_at(i * 16);
			while (i > num_taken + 1000)
				;
			assert_int_equal(add_block(&writer, &block, &found), BLOCK_ADDED);
			num_passed = i;
		} else {
			while (num_passed < i)
				;
			assert_true(remove_block(&writer, i * 16, &found));
			num_taken = i;
		}
	}
	ledger_writer_deinit(&writer);
}

static void test_blocks_freed_by_another_thread_are_used_again(void **state)
{
	(void)state;
	run_in_threads(pass, NULL);
	assert_true(ledger_num_used(&ledger, LEDGER_BLOCKS) < 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_block_is_known_until_it_is_removed, create, destroy),
		cmocka_unit_test_setup_teardown(test_an_address_that_comes_again_replaces_the_old_block, create, destroy),
		cmocka_unit_test_setup_teardown(test_places_of_removed_blocks_are_used_again, create, destroy),
		cmocka_unit_test_setup_teardown(test_a_full_table_says_so_and_works_on, create, destroy),
		cmocka_unit_test_setup_teardown(test_the_lock_of_a_writer_that_was_left_in_the_middle_is_given_back, create, destroy),
		cmocka_unit_test_setup_teardown(test_weights_that_a_block_can_keep_come_back, create, destroy),
		cmocka_unit_test_setup_teardown(test_blocks_freed_by_another_thread_are_used_again, create, destroy),
		cmocka_unit_test_setup_teardown(test_threads_do_not_lose_each_others_blocks, create, destroy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
