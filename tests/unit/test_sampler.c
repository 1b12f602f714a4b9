// SPDX-License-Identifier: Apache-2.0
// Statistical tests have fixed seeds, so they give the same result each time.  Their bounds are at 4.5
// standard errors: another seed would fail one of them with a probability of 1 in 150,000.
#include "unit/unit.h"

#include <math.h>
#include <stdbool.h>

#include "sample/sampler.h"

// As the shim does: the fast path first.
static bool allocate(struct sampler *sampler, uint64_t rate_bytes, size_t size_bytes, double *weight)
{
	return !sampler_skips(sampler, size_bytes) && sampler_advance(sampler, rate_bytes, size_bytes, weight);
}

// The estimate of how many of num_blocks there are, in standard errors from the truth.
static double deviation(uint64_t rate_bytes, size_t size_bytes, int num_blocks, uint64_t seed)
{
	struct sampler sampler = { 0 };
	double estimate = 0, weight = 0;
	sampler_seed(&sampler, seed);
	for (int i = 0; i < num_blocks; i++)
		if (allocate(&sampler, rate_bytes, size_bytes, &weight))
			estimate += weight;
	double p = 1 - exp(-(double)sampler_length(size_bytes) / (double)rate_bytes);
	return (estimate - num_blocks) / sqrt(num_blocks * (1 - p) / p);
}

static void test_estimates_are_unbiased_at_all_sizes(void **state)
{
	static const size_t sizes[] = { 0, 1, 16, 100, 1000, 4096, 10000, 40000 };
	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		assert_true(fabs(deviation(4096, sizes[i], 2000000, 1 + i)) < 4.5);
	assert_true(fabs(deviation(2, 1, 1000000, 77)) < 4.5);
}

static void test_sums_of_samples_spread_as_theory_says(void **state)
{
	double sum_of_squares = 0;
	(void)state;
	for (uint64_t seed = 0; seed < 1000; seed++)
		sum_of_squares += pow(deviation(4096, 1000, 2000, 1000 + seed), 2);
	// The mean of 1000 squares of standard normal variables: 1 with a standard error of 0.045.
	assert_true(fabs(sum_of_squares / 1000 - 1) < 4.5 * 0.045);
}

static void test_a_sample_that_must_be_has_weight_one(void **state)
{
	struct sampler sampler = { 0 };
	double weight = 0;
	(void)state;
	for (int i = 0; i < 1000; i++) {
		assert_true(allocate(&sampler, 1024, 1024 * 50, &weight));
		assert_true(weight == 1);
	}
}

static void test_exact_mode_takes_every_allocation_also_of_zero_bytes(void **state)
{
	struct sampler sampler = { 0 };
	double weight = 0;
	(void)state;
	for (size_t size = 0; size < 1000; size++) {
		assert_true(allocate(&sampler, 1, size, &weight));
		assert_true(weight == 1);
	}
}

static void test_rate_zero_takes_none(void **state)
{
	struct sampler sampler = { 0 };
	double weight;
	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_false(allocate(&sampler, 0, (size_t)1 << (i % 48), &weight));
}

static void test_impossible_sizes_do_not_disturb_the_count(void **state)
{
	struct sampler sampler = { 0 };
	double weight;
	(void)state;
	allocate(&sampler, 1 << 20, 1, &weight);
	uint64_t before = sampler.clear_bytes;
	assert_false(sampler_skips(&sampler, SIZE_MAX));
	assert_false(sampler_skips(&sampler, (size_t)1 << 63));
	assert_int_equal(sampler.clear_bytes, before);
}

static void test_same_seed_gives_same_samples(void **state)
{
	struct sampler a = { 0 }, b = { 0 };
	double weight;
	(void)state;
	sampler_seed(&a, 5);
	sampler_seed(&b, 5);
	for (size_t i = 0; i < 100000; i++)
		assert_int_equal(allocate(&a, 4096, i % 500, &weight), allocate(&b, 4096, i % 500, &weight));
}

static void test_first_allocation_of_a_thread_is_not_always_a_sample(void **state)
{
	int num_samples = 0;
	(void)state;
	for (uint64_t seed = 0; seed < 10000; seed++) {
		struct sampler sampler = { 0 };
		double weight;
		sampler_seed(&sampler, seed);
		num_samples += allocate(&sampler, 4096, 41, &weight);
	}
	// Binomial with p = 0.00996: 100 expected, standard error 10.
	assert_in_range(num_samples, 55, 145);
}

// The rate changes now and then, and the thread notices late: when it next comes to the slow path.
static void test_estimates_stay_unbiased_when_the_rate_changes(void **state)
{
	static const uint64_t rates[] = { 1000, 20000, 0, 1, 300, 5000 };
	static const size_t size = 700;
	double sum = 0, sum_of_squares = 0;
	const int num_runs = 4000;
	(void)state;
	for (int run = 0; run < num_runs; run++) {
		struct sampler sampler = { 0 };
		double weight, estimate = 0;
		int expected = 0;
		sampler_seed(&sampler, (uint64_t)run * 7919);
		for (int i = 0; i < 600; i++) {
			uint64_t rate = rates[i / 100];
			bool is_off = sampler.has_started && sampler.rate_bytes == 0;
			bool is_sample = allocate(&sampler, rate, size, &weight);
			expected += !is_off && (sampler.rate_bytes != 0 || is_sample);
			estimate += is_sample ? weight : 0;
		}
		sum += estimate - expected;
		sum_of_squares += (estimate - expected) * (estimate - expected);
	}
	assert_true(fabs(sum / sqrt(sum_of_squares)) < 4.5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_estimates_are_unbiased_at_all_sizes),
		cmocka_unit_test(test_sums_of_samples_spread_as_theory_says),
		cmocka_unit_test(test_a_sample_that_must_be_has_weight_one),
		cmocka_unit_test(test_exact_mode_takes_every_allocation_also_of_zero_bytes),
		cmocka_unit_test(test_rate_zero_takes_none),
		cmocka_unit_test(test_impossible_sizes_do_not_disturb_the_count),
		cmocka_unit_test(test_same_seed_gives_same_samples),
		cmocka_unit_test(test_first_allocation_of_a_thread_is_not_always_a_sample),
		cmocka_unit_test(test_estimates_stay_unbiased_when_the_rate_changes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
