// SPDX-License-Identifier: Apache-2.0
#include "unit/unit.h"

#include <stdlib.h>

#include "ledger/blocks.h"
#include "ledger/copy.h"
#include "ledger/mappings.h"
#include "ledger/read.h"
#include "ledger/sites.h"
#include "ledger/tree.h"
#include "unit/tallying.h"

static struct ledger_writer writer, child_writer;

static uint32_t make_site(struct ledger *ledger, uint64_t address)
{
	return site_get(ledger, tree_get_node(ledger, 0, tree_get_frame(ledger, 1, address)), 0, 0);
}

static int create(void **state)
{
	struct ledger *ledger = malloc(sizeof(*ledger));
	struct block found;
	*state = ledger;
	if (!ledger_create(ledger, 4 << 20, 1))
		return -1;
	ledger_writer_init(&writer, ledger, 0);
	struct mapping mapping = { .start = 0x1000, .limit = 0x9000, .path = "/bin/x", .build_id = "abcd" };
	mapping_add(ledger, &mapping);
	for (uint64_t i = 0; i < 100; i++) {
		uint32_t site = make_site(ledger, 0x1000 + i % 10);
		struct block block = { .address = 0x10000 + i * 16, .size_bytes = i, .weight = LEDGER_ONE, .site = site };
		add_allocation(&writer, site, i, LEDGER_ONE);
		add_block(&writer, &block, &found);
	}
	ledger_count(ledger, LEDGER_COUNTER_reentered, 3);
	return 0;
}

static int destroy(void **state)
{
	ledger_writer_deinit(&writer);
	ledger_writer_deinit(&child_writer);
	ledger_destroy(*state);
	free(*state);
	return 0;
}

static void test_a_child_starts_with_its_parents_tallies_and_goes_its_own_way(void **state)
{
	struct ledger *parent = *state, child;
	struct ledger_snapshot snapshot;
	struct tally total;
	struct block found;
	assert_true(ledger_snapshot_init(&snapshot, parent));
	// What the parent does after the fork is none of the child's business.
	add_allocation(&writer, make_site(parent, 0x1000), 1000000, LEDGER_ONE);
	make_site(parent, 0x5555);
	remove_block(&writer, 0x10000 + 16, &found);
	assert_true(ledger_copy(&child, parent, &snapshot, &(struct storage){ 0 }));
	ledger_snapshot_deinit(&snapshot);
	ledger_writer_init(&child_writer, &child, 0);
	read_total(&child, &total);
	assert_int_equal(total.live_objects, 100);
	assert_int_equal(total.live_bytes, 99 * 100 / 2);
	assert_int_equal(ledger_get_count(&child, LEDGER_COUNTER_reentered), 3);
	for (uint64_t i = 0; i < 100; i++) {
		assert_true(remove_block(&child_writer, 0x10000 + i * 16, &found));
		assert_int_equal(found.size_bytes, i);
		add_freeing(&child_writer, found.site, found.size_bytes, found.weight);
	}
	read_total(&child, &total);
	assert_int_equal(total.live_bytes, 0);
	assert_int_equal(total.peak_bytes, 99 * 100 / 2);
	read_total(parent, &total);
	assert_int_equal(total.live_bytes, 99 * 100 / 2 + 1000000);
	ledger_destroy(&child);
}

static void test_the_tree_of_a_child_is_found_again(void **state)
{
	struct ledger *parent = *state, child;
	struct ledger_snapshot snapshot;
	assert_true(ledger_snapshot_init(&snapshot, parent));
	assert_true(ledger_copy(&child, parent, &snapshot, &(struct storage){ 0 }));
	ledger_snapshot_deinit(&snapshot);
	for (uint64_t i = 0; i < 10; i++)
		assert_int_equal(make_site(&child, 0x1000 + i), make_site(parent, 0x1000 + i));
	assert_string_equal(read_string(&child, read_mapping(&child, 1)->path), "/bin/x");
	assert_int_equal(make_site(&child, 0x7777), ledger_num_used(parent, LEDGER_SITES));
	ledger_destroy(&child);
}

static void test_without_a_snapshot_only_the_tree_is_copied(void **state)
{
	struct ledger *parent = *state, child;
	struct tally total;
	struct block found;
	assert_true(ledger_copy(&child, parent, NULL, &(struct storage){ 0 }));
	ledger_writer_init(&child_writer, &child, 0);
	read_total(&child, &total);
	assert_int_equal(total.allocated_objects, 0);
	assert_false(remove_block(&child_writer, 0x10000, &found));
	assert_int_equal(tree_get_frame(&child, 1, 0x1003), tree_get_frame(parent, 1, 0x1003));
	ledger_destroy(&child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_child_starts_with_its_parents_tallies_and_goes_its_own_way, create, destroy),
		cmocka_unit_test_setup_teardown(test_the_tree_of_a_child_is_found_again, create, destroy),
		cmocka_unit_test_setup_teardown(test_without_a_snapshot_only_the_tree_is_copied, create, destroy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
