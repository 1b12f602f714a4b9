// SPDX-License-Identifier: Apache-2.0
#include "unit/unit.h"

#include <math.h>
#include <stdlib.h>

#include "ledger/read.h"
#include "ledger/sites.h"
#include "ledger/tree.h"
#include "unit/threads.h"

#define NUM_SITES 5

struct fixture {
	struct ledger ledger;
	uint32_t sites[NUM_SITES];
};

static int create(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	*state = fixture;
	if (!ledger_create(&fixture->ledger, 16 << 20, 1))
		return -1;
	for (uint64_t i = 0; i < NUM_SITES; i++) {
		uint32_t frame = tree_get_frame(&fixture->ledger, 0, 0x1000 + i);
		fixture->sites[i] = site_get(&fixture->ledger, tree_get_node(&fixture->ledger, 0, frame), 0);
	}
	return 0;
}

static int destroy(void **state)
{
	struct fixture *fixture = *state;
	ledger_destroy(&fixture->ledger);
	free(fixture);
	return 0;
}

static struct tally read(struct fixture *fixture, int i)
{
	struct tally tally;
	read_site(&fixture->ledger, fixture->sites[i], &tally);
	return tally;
}

static void test_live_is_allocated_minus_freed(void **state)
{
	struct fixture *fixture = *state;
	site_add_allocation(&fixture->ledger, fixture->sites[0], 100, LEDGER_ONE);
	site_add_allocation(&fixture->ledger, fixture->sites[0], 0, LEDGER_ONE);
	uint64_t live = site_add_allocation(&fixture->ledger, fixture->sites[0], 50, LEDGER_ONE);
	assert_int_equal(live, 150 << LEDGER_FRACTION_BITS);
	site_add_freeing(&fixture->ledger, fixture->sites[0], 100, LEDGER_ONE);
	struct tally tally = read(fixture, 0);
	assert_int_equal(tally.allocated_objects, 3);
	assert_int_equal(tally.allocated_bytes, 150);
	assert_int_equal(tally.live_objects, 2);
	assert_int_equal(tally.live_bytes, 50);
}

static void test_weights_scale_objects_bytes_and_variance(void **state)
{
	struct fixture *fixture = *state;
	site_add_allocation(&fixture->ledger, fixture->sites[1], 10, LEDGER_ONE * 5 / 2);
	site_add_allocation(&fixture->ledger, fixture->sites[1], 10, LEDGER_ONE * 5 / 2);
	struct tally tally = read(fixture, 1);
	assert_int_equal(tally.allocated_objects, 5);
	assert_int_equal(tally.live_bytes, 50);
	assert_true(fabs(tally.live_bytes_variance - 2 * 100 * 2.5 * 1.5) < 1e-9);
	site_add_freeing(&fixture->ledger, fixture->sites[1], 10, LEDGER_ONE * 5 / 2);
	assert_true(fabs(read(fixture, 1).live_bytes_variance - 100 * 2.5 * 1.5) < 1e-9);
}

static void test_a_new_epoch_counts_from_zero_and_keeps_what_is_live(void **state)
{
	struct fixture *fixture = *state;
	site_add_allocation(&fixture->ledger, fixture->sites[0], 100, LEDGER_ONE);
	site_begin_epoch(&fixture->ledger);
	struct tally tally = read(fixture, 0);
	assert_int_equal(tally.allocated_objects, 0);
	assert_int_equal(tally.live_bytes, 100);
	site_add_allocation(&fixture->ledger, fixture->sites[0], 7, LEDGER_ONE);
	assert_int_equal(read(fixture, 0).allocated_bytes, 7);
	assert_int_equal(read(fixture, 0).live_bytes, 107);
	assert_int_equal(read_num_samples(&fixture->ledger), 1);
}

// The judge is a plain model that copies all sites at each new maximum.
static void test_the_peak_of_each_site_is_exact_in_random_histories(void **state)
{
	struct fixture *fixture = *state;
	uint64_t live[NUM_SITES] = { 0 }, at_peak[NUM_SITES] = { 0 }, heap = 0, peak = 0;
	srandom(42);
	for (int step = 0; step < 200000; step++) {
		int site = (int)(random() % NUM_SITES);
		uint64_t size = (uint64_t)(random() % 3) * 8;
		// Long waves, so that there are many maxima and many falls.
		bool is_growing = random() % 100 < 50 + 30 * ((step / 1000) % 2) - 14;
		if (is_growing) {
			site_add_allocation(&fixture->ledger, fixture->sites[site], size, LEDGER_ONE);
			live[site] += size;
			heap += size;
		} else if (live[site] >= size) {
			site_add_freeing(&fixture->ledger, fixture->sites[site], size, LEDGER_ONE);
			live[site] -= size;
			heap -= size;
		}
		if (heap > peak) {
			peak = heap;
			for (int i = 0; i < NUM_SITES; i++)
				at_peak[i] = live[i];
		}
		if (step % 97)
			continue;
		assert_int_equal(read_peak_bytes(&fixture->ledger), peak);
		for (int i = 0; i < NUM_SITES; i++)
			assert_int_equal(read(fixture, i).peak_bytes, at_peak[i]);
	}
}

static void work(int number, void *argument)
{
	struct fixture *fixture = argument;
	for (int i = 0; i < 100000; i++) {
		uint32_t site = fixture->sites[(i + number) % NUM_SITES];
		site_add_allocation(&fixture->ledger, site, 16, LEDGER_ONE * 3 / 2);
		if (i % 2)
			site_add_freeing(&fixture->ledger, site, 16, LEDGER_ONE * 3 / 2);
	}
}

static void test_tallies_of_many_threads_add_up(void **state)
{
	struct fixture *fixture = *state;
	struct tally total;
	run_in_threads(work, fixture);
	read_total(&fixture->ledger, &total);
	assert_int_equal(total.allocated_objects, NUM_THREADS * 150000);
	assert_int_equal(total.live_bytes, NUM_THREADS * 75000 * 16);
	assert_true(fabs(total.live_bytes_variance - NUM_THREADS * 50000 * 256 * 0.75) < 1);
	assert_true(read_peak_bytes(&fixture->ledger) >= total.live_bytes);
	assert_int_equal(read_num_samples(&fixture->ledger), NUM_THREADS * 100000);
}

static void test_a_full_ledger_has_one_site_for_all_further_stacks(void **state)
{
	struct fixture *fixture = *state;
	struct tally tally;
	uint32_t node = 1000;
	while (site_get(&fixture->ledger, node, 0) != LEDGER_SITE_FULL)
		node++;
	site_add_allocation(&fixture->ledger, LEDGER_SITE_FULL, 5, LEDGER_ONE);
	assert_true(read_site(&fixture->ledger, LEDGER_SITE_FULL, &tally));
	assert_int_equal(tally.live_bytes, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_live_is_allocated_minus_freed, create, destroy),
		cmocka_unit_test_setup_teardown(test_weights_scale_objects_bytes_and_variance, create, destroy),
		cmocka_unit_test_setup_teardown(test_a_new_epoch_counts_from_zero_and_keeps_what_is_live, create, destroy),
		cmocka_unit_test_setup_teardown(test_the_peak_of_each_site_is_exact_in_random_histories, create, destroy),
		cmocka_unit_test_setup_teardown(test_tallies_of_many_threads_add_up, create, destroy),
		cmocka_unit_test_setup_teardown(test_a_full_ledger_has_one_site_for_all_further_stacks, create, destroy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
