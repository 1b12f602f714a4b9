// SPDX-License-Identifier: Apache-2.0
// The memory that is scanned is this process's own, all but a few pages of it excluded.
#include "unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "leaks/classes.h"
#include "leaks/scan.h"

#define NUM_PAGES 600 // more than are read at once
#define PAGE_BYTES 4096
#define BLOCK_BYTES 64

struct fixture {
	uint64_t *program, *heap; // memory with pointers of the program's own, and with blocks, all of it
	struct memory memory;
	struct spans excluded;
	struct block_table table;
	struct scan scan;
	unsigned char *kinds;
};

static void *map(void)
{
	void *memory = mmap(NULL, NUM_PAGES * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	return memory;
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	fixture->program = map();
	fixture->heap = map();
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	munmap(fixture->program, NUM_PAGES * PAGE_BYTES);
	munmap(fixture->heap, NUM_PAGES * PAGE_BYTES);
	free(fixture->kinds);
	scan_deinit(&fixture->scan);
	block_table_deinit(&fixture->table);
	spans_deinit(&fixture->excluded);
	memory_deinit(&fixture->memory);
	free(fixture);
	return 0;
}

// Block number i, as a pointer to its words.
static uint64_t *block(const struct fixture *fixture, size_t i)
{
	return fixture->heap + i * BLOCK_BYTES / 8;
}

static uint64_t address(const struct fixture *fixture, size_t i)
{
	return (uint64_t)(uintptr_t)block(fixture, i);
}

static void exclude_all_but(struct fixture *fixture, uint64_t start, uint64_t limit)
{
	spans_add(&fixture->excluded, 0, start);
	spans_add(&fixture->excluded, limit, UINT64_MAX);
	spans_add(&fixture->excluded, address(fixture, 0), address(fixture, 0) + NUM_PAGES * PAGE_BYTES);
	spans_sort(&fixture->excluded);
}

static void run(struct fixture *fixture, size_t num_blocks)
{
	struct error error;
	uint64_t program = (uint64_t)(uintptr_t)fixture->program;
	assert_true(memory_init(&fixture->memory, getpid(), &error));
	block_table_init(&fixture->table, 16);
	for (size_t i = 0; i < num_blocks; i++)
		assert_true(block_table_announce(&fixture->table, address(fixture, i), address(fixture, i) + BLOCK_BYTES));
	block_table_number(&fixture->table);
	for (size_t i = 0; i < num_blocks; i++)
		block_table_add(&fixture->table, address(fixture, i), address(fixture, i) + BLOCK_BYTES);
	block_table_complete(&fixture->table);
	if (!fixture->excluded.num_spans)
		exclude_all_but(fixture, program, program + NUM_PAGES * PAGE_BYTES);
	assert_int_equal(scan_init(&fixture->scan, &fixture->memory, &fixture->table, &fixture->excluded, 0, 0), SCAN_DONE);
	fixture->kinds = classes_find(&fixture->scan);
}

static void test_pointers_are_found_wherever_they_lie(void **state)
{
	struct fixture *fixture = *state;
	size_t words = NUM_PAGES * PAGE_BYTES / 8;
	fixture->program[0] = address(fixture, 0);
	fixture->program[words / 2] = address(fixture, 1) + 1; // into it
	fixture->program[words - 1] = address(fixture, 2) + BLOCK_BYTES - 1;
	fixture->program[1] = address(fixture, 4) + BLOCK_BYTES; // the beginning of the next
	fixture->program[2] = address(fixture, 6) - 0x100000000;
	run(fixture, 7);
	const bool expected[] = { true, true, true, false, false, true, false };
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(fixture->kinds[i], expected[i] ? LEAK_REACHABLE : LEAK_DEFINITE);
}

static void test_what_a_block_holds_is_not_the_programs(void **state)
{
	struct fixture *fixture = *state;
	fixture->program[5] = address(fixture, 0);
	block(fixture, 0)[3] = address(fixture, 1); // 0 -> 1 -> 2, reachable
	block(fixture, 1)[7] = address(fixture, 2) + 9;
	block(fixture, 3)[0] = address(fixture, 4); // 3 -> 4, 3 lost
	block(fixture, 5)[0] = address(fixture, 6); // a cycle
	block(fixture, 6)[1] = address(fixture, 5);
	block(fixture, 7)[1] = address(fixture, 7); // itself
	block(fixture, 8)[0] = address(fixture, 1); // a lost one that points to one that is not
	run(fixture, 9);
	const unsigned char expected[] = { LEAK_REACHABLE, LEAK_REACHABLE, LEAK_REACHABLE, LEAK_DEFINITE, LEAK_INDIRECT,
					   LEAK_INDIRECT, LEAK_INDIRECT, LEAK_DEFINITE, LEAK_DEFINITE };
	for (size_t i = 0; i < sizeof(expected); i++)
		assert_int_equal(fixture->kinds[i], expected[i]);
	uint32_t *heads = classes_find_heads(&fixture->scan, fixture->kinds);
	const uint32_t expected_heads[] = { BLOCK_NONE, BLOCK_NONE, BLOCK_NONE, 3, 3, 5, 5, 7, 8 };
	assert_memory_equal(heads, expected_heads, sizeof(expected_heads));
	free(heads);
}

static void test_a_long_list_is_followed_in_either_direction(void **state)
{
	struct fixture *fixture = *state;
	size_t num = NUM_PAGES * PAGE_BYTES / BLOCK_BYTES;
	for (size_t i = 0; i + 2 < num; i += 2) {
		block(fixture, i)[i % 8] = address(fixture, i + 2);     // even ones up
		block(fixture, i + 3)[i % 8] = address(fixture, i + 1); // odd ones down
	}
	fixture->program[100] = address(fixture, 0);
	fixture->program[101] = address(fixture, num - 1);
	run(fixture, num);
	for (size_t i = 0; i < num; i++)
		assert_int_equal(fixture->kinds[i], LEAK_REACHABLE);
	assert_int_equal(fixture->scan.num_links, num - 2);
}

static void test_excluded_spans_are_not_looked_at(void **state)
{
	struct fixture *fixture = *state;
	uint64_t program = (uint64_t)(uintptr_t)fixture->program;
	fixture->program[9] = address(fixture, 0);
	fixture->program[10] = address(fixture, 1);
	fixture->program[11] = address(fixture, 2);
	exclude_all_but(fixture, program + 10 * 8, program + 11 * 8);
	run(fixture, 3);
	const bool expected[] = { false, true, false };
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(fixture->scan.has_root[i], expected[i]);
}

static void test_what_takes_too_long_or_too_much_is_given_up(void **state)
{
	struct fixture *fixture = *state;
	struct scan scan;
	for (size_t i = 0; i < NUM_PAGES; i++)
		block(fixture, 64 * i)[0] = address(fixture, 1);
	run(fixture, NUM_PAGES * PAGE_BYTES / BLOCK_BYTES);
	memset(fixture->program, 1, NUM_PAGES * PAGE_BYTES);
	assert_int_equal(scan_init(&scan, &fixture->memory, &fixture->table, &fixture->excluded, 1, 0), SCAN_LATE);
	scan_deinit(&scan);
	assert_int_equal(scan_init(&scan, &fixture->memory, &fixture->table, &fixture->excluded, 0, 1000), SCAN_TOO_LARGE);
	scan_deinit(&scan);
}

static void test_spans_are_joined_in_order(void **state)
{
	struct spans spans = { 0 };
	(void)state;
	spans_add(&spans, 30, 40);
	spans_add(&spans, 10, 20);
	spans_add(&spans, 20, 25);
	spans_add(&spans, 35, 37);
	spans_add(&spans, 5, 5);
	spans_sort(&spans);
	assert_int_equal(spans.num_spans, 2);
	assert_int_equal(spans_find(&spans, 0)->start, 10);
	assert_int_equal(spans_find(&spans, 24)->limit, 25);
	assert_int_equal(spans_find(&spans, 25)->start, 30);
	assert_int_equal(spans_find(&spans, 39)->limit, 40);
	assert_null(spans_find(&spans, 40));
	spans_deinit(&spans);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_pointers_are_found_wherever_they_lie, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_a_block_holds_is_not_the_programs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_long_list_is_followed_in_either_direction, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_excluded_spans_are_not_looked_at, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_takes_too_long_or_too_much_is_given_up, set_up, tear_down),
		cmocka_unit_test(test_spans_are_joined_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
