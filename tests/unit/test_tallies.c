// SPDX-License-Identifier: Apache-2.0
#include "unit/unit.h"

#include <math.h>
#include <stdlib.h>

#include "ledger/read.h"
#include "ledger/tree.h"
#include "unit/tallying.h"
#include "unit/threads.h"

#define NUM_SITES 5

struct fixture {
	struct ledger ledger;
	struct ledger_writer writer;
	uint32_t sites[NUM_SITES];
};

static int create(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	*state = fixture;
	if (!ledger_create(&fixture->ledger, 16 << 20, 1))
		return -1;
	ledger_writer_init(&fixture->writer, &fixture->ledger, 0);
	for (uint64_t i = 0; i < NUM_SITES; i++) {
		uint32_t frame = tree_get_frame(&fixture->ledger, 0, 0x1000 + i);
		fixture->sites[i] = site_get(&fixture->ledger, tree_get_node(&fixture->ledger, 0, frame), 0, 0);
	}
	return 0;
}

static int destroy(void **state)
{
	struct fixture *fixture = *state;
	ledger_writer_deinit(&fixture->writer);
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
	add_allocation(&fixture->writer, fixture->sites[0], 100, LEDGER_ONE);
	add_allocation(&fixture->writer, fixture->sites[0], 0, LEDGER_ONE);
	uint64_t live = add_allocation(&fixture->writer, fixture->sites[0], 50, LEDGER_ONE);
	assert_int_equal(live, 150 << LEDGER_FRACTION_BITS);
	add_freeing(&fixture->writer, fixture->sites[0], 100, LEDGER_ONE);
	struct tally tally = read(fixture, 0);
	assert_int_equal(tally.allocated_objects, 3);
	assert_int_equal(tally.allocated_bytes, 150);
	assert_int_equal(tally.live_objects, 2);
	assert_int_equal(tally.live_bytes, 50);
}

static void test_weights_scale_objects_bytes_and_variance(void **state)
{
	struct fixture *fixture = *state;
	add_allocation(&fixture->writer, fixture->sites[1], 10, LEDGER_ONE * 5 / 2);
	add_allocation(&fixture->writer, fixture->sites[1], 10, LEDGER_ONE * 5 / 2);
	struct tally tally = read(fixture, 1);
	assert_int_equal(tally.allocated_objects, 5);
	assert_int_equal(tally.live_bytes, 50);
	assert_true(fabs(tally.live_bytes_variance - 2 * 100 * 2.5 * 1.5) < 1e-9);
	add_freeing(&fixture->writer, fixture->sites[1], 10, LEDGER_ONE * 5 / 2);
	assert_true(fabs(read(fixture, 1).live_bytes_variance - 100 * 2.5 * 1.5) < 1e-9);
}

static void test_a_new_epoch_counts_from_zero_and_keeps_what_is_live(void **state)
{
	struct fixture *fixture = *state;
	add_allocation(&fixture->writer, fixture->sites[0], 100, LEDGER_ONE);
	site_begin_epoch(&fixture->ledger);
	struct tally tally = read(fixture, 0);
	assert_int_equal(tally.allocated_objects, 0);
	assert_int_equal(tally.live_bytes, 100);
	add_allocation(&fixture->writer, fixture->sites[0], 7, LEDGER_ONE);
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
			add_allocation(&fixture->writer, fixture->sites[site], size, LEDGER_ONE);
			live[site] += size;
			heap += size;
		} else if (live[site] >= size) {
			add_freeing(&fixture->writer, fixture->sites[site], size, LEDGER_ONE);
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
	struct ledger_writer writer;
	ledger_writer_init(&writer, &fixture->ledger, (uint32_t)number);
	for (int i = 0; i < 100000; i++) {
		uint32_t site = fixture->sites[(i + number) % NUM_SITES];
		add_allocation(&writer, site, 16, LEDGER_ONE * 3 / 2);
		if (i % 2)
			add_freeing(&writer, site, 16, LEDGER_ONE * 3 / 2);
	}
	ledger_writer_deinit(&writer);
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

// What one lane allocated and another freed is gone, in the sum of the two.
static void test_a_site_is_the_sum_of_its_lanes(void **state)
{
	struct fixture *fixture = *state;
	struct ledger_writer other;
	ledger_writer_init(&other, &fixture->ledger, 7);
	for (int i = 0; i < 1000; i++) {
		add_allocation(&fixture->writer, fixture->sites[3], 100, LEDGER_ONE);
		if (i % 4)
			add_freeing(&other, fixture->sites[3], 100, LEDGER_ONE);
	}
	struct tally tally = read(fixture, 3);
	assert_int_equal(tally.allocated_objects, 1000);
	assert_int_equal(tally.live_objects, 250);
	assert_int_equal(tally.live_bytes, 25000);
	assert_int_equal(read_live_bytes(fixture->ledger.header), 25000 << LEDGER_FRACTION_BITS);
	assert_int_equal(read_all_samples(fixture->ledger.header), 1000);
	ledger_writer_deinit(&other);
}

// The judge is a plain sum.  What is told as the peak was true at some moment, and is not far below the largest.
static void test_the_peak_of_several_lanes_is_within_its_bound(void **state)
{
	struct fixture *fixture = *state;
	struct ledger_writer lanes[4];
	uint64_t live[NUM_SITES] = { 0 }, heap = 0, peak = 0;
	const uint64_t slack = 4 * TALLY_MIN_SLACK_BYTES;
	for (uint32_t i = 0; i < 4; i++)
		ledger_writer_init(&lanes[i], &fixture->ledger, i);
	srandom(43);
	for (int step = 0; step < 300000; step++) {
		int site = (int)(random() % NUM_SITES);
		struct ledger_writer *writer = &lanes[random() % 4];
		uint64_t size = (uint64_t)(random() % 500);
		if (random() % 100 < 50 + 30 * ((step / 10000) % 2) - 14) {
			add_allocation(writer, fixture->sites[site], size, LEDGER_ONE);
			live[site] += size;
			heap += size;
		} else if (live[site] >= size) {
			add_freeing(writer, fixture->sites[site], size, LEDGER_ONE);
			live[site] -= size;
			heap -= size;
		}
		peak = heap > peak ? heap : peak;
		if (step % 997)
			continue;
		struct tally total;
		read_total(&fixture->ledger, &total);
		assert_int_equal(total.live_bytes, heap);
		assert_in_range(total.peak_bytes, peak > slack ? peak - slack : 0, peak);
		assert_in_range(read_peak_bytes(&fixture->ledger), peak > slack ? peak - slack : 0, peak);
	}
	assert_true(peak > 20 * slack);
	for (uint32_t i = 0; i < 4; i++)
		ledger_writer_deinit(&lanes[i]);
}

// As that of a main thread that only waits for others.
static void test_what_a_lane_allocated_before_there_was_another_counts_for_the_peak(void **state)
{
	struct fixture *fixture = *state;
	struct ledger_writer other;
	struct tally total;
	const uint64_t size = 100 * TALLY_MIN_SLACK_BYTES;
	for (int i = 0; i < 2; i++)
		add_allocation(&fixture->writer, fixture->sites[0], size, LEDGER_ONE);
	add_freeing(&fixture->writer, fixture->sites[0], 1, LEDGER_ONE);
	ledger_writer_init(&other, &fixture->ledger, 1);
	add_allocation(&other, fixture->sites[1], size, LEDGER_ONE);
	add_freeing(&other, fixture->sites[1], size, LEDGER_ONE);
	read_total(&fixture->ledger, &total);
	assert_int_equal(total.peak_bytes, 3 * size - 1);
	assert_int_equal(read(fixture, 1).peak_bytes, size);
	assert_int_equal(read_peak_bytes(&fixture->ledger), 3 * size - 1);
	ledger_writer_deinit(&other);
}

static void fill_up(struct ledger *ledger)
{
	while (ledger_add(ledger, LEDGER_TALLIES, 1))
		;
}

// Another lane's allocations at sites that it knows find no room for tallies either.
static void test_where_there_is_no_room_a_site_keeps_the_tallies_that_it_has(void **state)
{
	struct fixture *fixture = *state;
	struct ledger_writer other;
	ledger_writer_init(&other, &fixture->ledger, 1);
	fill_up(&fixture->ledger);
	assert_int_equal(ledger_writer_tally(&other, fixture->sites[0]), 0);
	assert_int_equal(ledger_writer_tally(&fixture->writer, fixture->sites[0]), fixture->ledger.sites[fixture->sites[0]].tallies);
	ledger_writer_deinit(&other);
}

static void test_a_full_ledger_has_one_site_for_all_further_stacks(void **state)
{
	struct fixture *fixture = *state;
	struct tally tally;
	uint32_t node = tree_get_node(&fixture->ledger, 0, tree_get_frame(&fixture->ledger, 0, 0x2000));
	fill_up(&fixture->ledger);
	assert_int_equal(site_get(&fixture->ledger, node, 0, 0), LEDGER_SITE_FULL);
	add_allocation(&fixture->writer, LEDGER_SITE_FULL, 5, LEDGER_ONE);
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
		cmocka_unit_test_setup_teardown(test_a_site_is_the_sum_of_its_lanes, create, destroy),
		cmocka_unit_test_setup_teardown(test_the_peak_of_several_lanes_is_within_its_bound, create, destroy),
		cmocka_unit_test_setup_teardown(test_what_a_lane_allocated_before_there_was_another_counts_for_the_peak, create, destroy),
		cmocka_unit_test_setup_teardown(test_where_there_is_no_room_a_site_keeps_the_tallies_that_it_has, create, destroy),
		cmocka_unit_test_setup_teardown(test_a_full_ledger_has_one_site_for_all_further_stacks, create, destroy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
