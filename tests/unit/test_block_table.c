// SPDX-License-Identifier: Apache-2.0
#include "unit/unit.h"

#include <stdbool.h>
#include <stdlib.h>

#include "leaks/block_table.h"

#define NUM_TRIED 20000

static uint64_t random_state = 1;

static uint64_t next_random(uint64_t limit)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (random_state >> 33) % limit;
}

// The answer without any structure.
static uint32_t find_slowly(const struct block_table *table, uint64_t address)
{
	for (uint32_t i = 0; i < table->num_blocks; i++)
		if (address == table->blocks[i].start || (address > table->blocks[i].start && address < table->blocks[i].limit))
			return i;
	return BLOCK_NONE;
}

static size_t find_next_slowly(const struct block_table *table, uint64_t address)
{
	size_t i = 0;
	while (i < table->num_blocks && table->blocks[i].limit <= address)
		i++;
	return i;
}

static void check_around(const struct block_table *table, uint64_t from, uint64_t limit)
{
	for (int i = 0; i < NUM_TRIED; i++) {
		uint64_t address = from + next_random(limit - from);
		assert_int_equal(block_table_find(table, address), find_slowly(table, address));
		assert_int_equal(block_table_find_next(table, address), find_next_slowly(table, address));
	}
}

// What was announced, to be added.
static uint64_t extents[1000][2];
static size_t num_extents;

static bool announce(struct block_table *table, uint64_t start, uint64_t limit)
{
	if (!block_table_announce(table, start, limit))
		return false;
	extents[num_extents][0] = start;
	extents[num_extents++][1] = limit;
	return true;
}

static void complete(struct block_table *table)
{
	block_table_number(table);
	while (num_extents) { // in another order
		size_t other = next_random(num_extents--);
		block_table_add(table, extents[other][0], extents[other][1]);
		extents[other][0] = extents[num_extents][0];
		extents[other][1] = extents[num_extents][1];
	}
	block_table_complete(table);
}

// Blocks with gaps of all sizes.
static void fill(struct block_table *table, uint64_t start, unsigned unit_bytes, size_t num)
{
	for (size_t i = 0; i < num; i++) {
		uint64_t size = next_random(4) ? next_random(200) : next_random(9000);
		assert_true(announce(table, start, start + size));
		start += (size + unit_bytes + next_random(3) * 500) / unit_bytes * unit_bytes;
	}
}

static void test_every_address_finds_the_block_it_lies_in(void **state)
{
	(void)state;
	for (unsigned unit_bytes = 8; unit_bytes <= 16; unit_bytes += 8) {
		struct block_table table;
		block_table_init(&table, unit_bytes);
		fill(&table, 0x555500001230, unit_bytes, 300);
		fill(&table, 0x7ffff7000000, unit_bytes, 100);
		complete(&table);
		assert_int_equal(table.num_blocks, 400);
		check_around(&table, 0x555500000000, table.blocks[299].limit + 5000);
		check_around(&table, 0x7ffff6ff0000, table.blocks[399].limit + 5000);
		assert_int_equal(block_table_find(&table, 0), BLOCK_NONE);
		assert_int_equal(block_table_find(&table, 0x600000000000), BLOCK_NONE);
		assert_int_equal(block_table_find(&table, UINT64_MAX), BLOCK_NONE);
		assert_int_equal(block_table_find(&table, UINT64_C(1) << 63), BLOCK_NONE);
		block_table_deinit(&table);
	}
}

static void test_a_block_may_lie_in_several_regions(void **state)
{
	struct block_table table;
	(void)state;
	block_table_init(&table, 16);
	assert_true(announce(&table, 0x1fffffff0, 0x500000010)); // from one 4 GiB into the fifth
	assert_true(announce(&table, 0x500000010, 0x500000020));
	complete(&table);
	assert_int_equal(block_table_find(&table, 0x1fffffff0), 0);
	assert_int_equal(block_table_find(&table, 0x200000000), 0);
	assert_int_equal(block_table_find(&table, 0x3abcdef01), 0);
	assert_int_equal(block_table_find(&table, 0x50000000f), 0);
	assert_int_equal(block_table_find(&table, 0x500000010), 1);
	assert_int_equal(block_table_find(&table, 0x500000020), BLOCK_NONE);
	block_table_deinit(&table);
}

static void test_an_empty_block_is_found_at_its_address_only(void **state)
{
	struct block_table table;
	(void)state;
	block_table_init(&table, 16);
	assert_true(announce(&table, 0x10000, 0x10000));
	complete(&table);
	assert_int_equal(block_table_find(&table, 0x10000), 0);
	assert_int_equal(block_table_find(&table, 0x10001), BLOCK_NONE);
	block_table_deinit(&table);
}

static void test_the_first_block_at_an_address_stays_and_overlaps_are_cut(void **state)
{
	struct block_table table;
	(void)state;
	block_table_init(&table, 16);
	assert_true(announce(&table, 0x10000, 0x10010));
	assert_false(announce(&table, 0x10000, 0x20000));
	assert_true(announce(&table, 0x30000, 0x40000));
	assert_true(announce(&table, 0x38000, 0x38010));
	complete(&table);
	assert_int_equal(table.num_blocks, 3);
	assert_int_equal(block_table_find(&table, 0x10010), BLOCK_NONE);
	assert_int_equal(block_table_find(&table, 0x37fff), 1);
	assert_int_equal(block_table_find(&table, 0x38000), 2);
	assert_int_equal(block_table_find(&table, 0x39000), BLOCK_NONE);
	block_table_deinit(&table);
}

static void test_what_is_no_address_of_a_program_is_refused(void **state)
{
	struct block_table table;
	(void)state;
	block_table_init(&table, 8);
	assert_false(announce(&table, UINT64_C(1) << 47, (UINT64_C(1) << 47) + 8));
	assert_false(announce(&table, UINT64_MAX - 8, 8));
	assert_false(announce(&table, 0x1000, UINT64_MAX));
	complete(&table);
	assert_int_equal(table.num_blocks, 0);
	assert_int_equal(block_table_find(&table, 0x1000), BLOCK_NONE);
	assert_int_equal(block_table_find(&table, UINT64_MAX), BLOCK_NONE); // as all of an empty table
	block_table_deinit(&table);
}

static void test_large_blocks_take_memory_too(void **state)
{
	struct block_table table;
	(void)state;
	block_table_init(&table, 16);
	assert_true(announce(&table, 0x1000, 0x1000 + (UINT64_C(1) << 40)));
	assert_in_range(block_table_bytes(&table), UINT64_C(1) << 34, UINT64_C(2) << 34);
	block_table_deinit(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_address_finds_the_block_it_lies_in),
		cmocka_unit_test(test_a_block_may_lie_in_several_regions),
		cmocka_unit_test(test_an_empty_block_is_found_at_its_address_only),
		cmocka_unit_test(test_the_first_block_at_an_address_stays_and_overlaps_are_cut),
		cmocka_unit_test(test_what_is_no_address_of_a_program_is_refused),
		cmocka_unit_test(test_large_blocks_take_memory_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
