// SPDX-License-Identifier: Apache-2.0
// Variances told from values: compared with how much estimates really vary when the same blocks are sampled again and
// again.
#include "unit/unit.h"

#include <math.h>

#include "profile/heap.h"
#include "report/variance.h"

#define PERIOD 1000
#define ROUNDS 20000

struct blocks {
	double size_bytes;
	int num;
};

static uint64_t random_state;

// SplitMix64, between 0 and 1.
static double get_random(void)
{
	uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (double)((z ^ z >> 31) >> 11) / 9007199254740992.0;
}

static struct profile_description heap(int64_t period)
{
	return (struct profile_description){
		.types = heap_types, .num_types = HEAP_NUM_VALUES, .period_type = heap_period_type, .period = period };
}

// What one run of a program shows of blocks that are all there: each is sampled with the probability that one of its
// bytes is, and stands for as many as that says.
static void sample(const struct blocks *blocks, int num_kinds, double *count, double *bytes)
{
	*count = *bytes = 0;
	for (int i = 0; i < num_kinds; i++) {
		double probability = -expm1(-blocks[i].size_bytes / PERIOD);
		for (int j = 0; j < blocks[i].num; j++) {
			if (get_random() >= probability)
				continue;
			*count += 1 / probability;
			*bytes += blocks[i].size_bytes / probability;
		}
	}
}

struct outcome {
	double count_variance, bytes_variance;     // as they really are
	double count_estimated, bytes_estimated;   // what the values tell, on average
};

static struct outcome repeat(const struct blocks *blocks, int num_kinds)
{
	struct profile_description description = heap(PERIOD);
	double counts[2] = { 0 }, bytes[2] = { 0 }, estimated[2] = { 0 };
	random_state = 1;
	for (int i = 0; i < ROUNDS; i++) {
		double count, size, variances[HEAP_NUM_VALUES];
		sample(blocks, num_kinds, &count, &size);
		int64_t values[HEAP_NUM_VALUES] = { 0, 0, (int64_t)round(count), (int64_t)round(size) };
		variance_estimate(&description, values, variances);
		assert_true(variances[HEAP_ALLOC_OBJECTS] == 0 && variances[HEAP_ALLOC_SPACE] == 0);
		counts[0] += count, counts[1] += count * count;
		bytes[0] += size, bytes[1] += size * size;
		estimated[0] += variances[HEAP_INUSE_OBJECTS], estimated[1] += variances[HEAP_INUSE_SPACE];
	}
	double mean_count = counts[0] / ROUNDS, mean_bytes = bytes[0] / ROUNDS;
	return (struct outcome){
		.count_variance = counts[1] / ROUNDS - mean_count * mean_count,
		.bytes_variance = bytes[1] / ROUNDS - mean_bytes * mean_bytes,
		.count_estimated = estimated[0] / ROUNDS, .bytes_estimated = estimated[1] / ROUNDS,
	};
}

// 20,000 rounds tell a variance to within 1 % (its standard error is sqrt(2/20,000)); 4 of these.
static void assert_near(double estimated, double real)
{
	if (fabs(estimated / real - 1) > 0.04)
		fail_msg("estimated %g, but it is %g", estimated, real);
}

static void test_variances_of_equal_blocks_are_the_real_ones(void **state)
{
	static const struct blocks cases[] = { { 10, 20000 }, { 100, 2000 }, { 1000, 200 }, { 1500, 100 } };
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct outcome outcome = repeat(&cases[i], 1);
		assert_near(outcome.count_estimated, outcome.count_variance);
		assert_near(outcome.bytes_estimated, outcome.bytes_variance);
	}
}

static void test_bytes_of_mixed_sizes_are_not_surer_than_they_seem(void **state)
{
	static const struct blocks cases[][2] = {
		{ { 10, 10000 }, { 1000, 100 } },  { { 100, 1000 }, { 5000, 20 } }, { { 500, 100 }, { 3000, 100 } },
		{ { 1600, 20 }, { 20000, 200 } },  { { 1600, 100 }, { 1000000, 2 } }, { { 3000, 100 }, { 5000, 100 } },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct outcome outcome = repeat(cases[i], 2);
		if (outcome.bytes_estimated < 0.96 * outcome.bytes_variance)
			fail_msg("case %zu: estimated %g, but it is %g", i, outcome.bytes_estimated, outcome.bytes_variance);
	}
}

// The variances of one stack, of which the last two types are looked at.
static double of_count, of_bytes;

static void estimate(int64_t period, int64_t count, int64_t bytes)
{
	struct profile_description description = heap(period);
	double variances[HEAP_NUM_VALUES];
	variance_estimate(&description, (int64_t[]){ 0, 0, count, bytes }, variances);
	of_count = variances[HEAP_INUSE_OBJECTS];
	of_bytes = variances[HEAP_INUSE_SPACE];
}

static void test_a_single_block_has_the_variance_of_its_size(void **state)
{
	(void)state;
	estimate(PERIOD, 1, 5 * PERIOD);
	assert_true(fabs(of_bytes / (25.0 * PERIOD * PERIOD / expm1(5)) - 1) < 1e-9);
	estimate(PERIOD, 1, 1000 * PERIOD);
	assert_true(of_bytes == 0 && of_count == 0);
}

static void test_what_is_exact_or_nothing_has_no_variance(void **state)
{
	(void)state;
	estimate(1, 5, 500);
	assert_true(of_count == 0 && of_bytes == 0);
	estimate(PERIOD, 0, 0);
	assert_true(of_count == 0 && of_bytes == 0);
}

static void test_what_values_do_not_tell_is_not_known(void **state)
{
	static const int64_t cases[][3] = { { 0, 5, 500 }, { PERIOD, 0, 500 }, { PERIOD, 5, 0 }, { PERIOD, 5, -500 }, { -1, 5, 500 } };
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		estimate(cases[i][0], cases[i][1], cases[i][2]);
		assert_true(isnan(of_count) && isnan(of_bytes));
	}
}

static void test_less_is_as_sure_as_more(void **state)
{
	(void)state;
	estimate(PERIOD, 50, 500);
	double count = of_count, bytes = of_bytes;
	estimate(PERIOD, -50, -500);
	assert_true(count > 0 && count == of_count && bytes > 0 && bytes == of_bytes);
}

static void test_only_pairs_of_objects_and_space_are_known(void **state)
{
	static const struct profile_type types[] = {
		{ "space", "bytes" }, { "objects", "count" }, { "peak_objects", "count" }, { "live_space", "bytes" }, { "ects", "count" } };
	struct profile_description description = { .types = types, .num_types = 5, .period_type = heap_period_type, .period = PERIOD };
	double variances[5];
	(void)state;
	variance_estimate(&description, (int64_t[]){ PERIOD, 1, 2, 3, 4 }, variances);
	assert_true(fabs(variances[1] - 1 / expm1(1)) < 1e-9);
	assert_true(variances[0] > 0 && isnan(variances[2]) && isnan(variances[3]) && isnan(variances[4]));
}

static void test_cpu_samples_are_a_poisson_process(void **state)
{
	static const struct profile_type types[] = { { "samples", "count" }, { "cpu", "nanoseconds" }, { "events", "count" } };
	struct profile_description description = { .types = types, .num_types = 3, .period_type = types[1], .period = 10000000 };
	double variances[3];
	(void)state;
	variance_estimate(&description, (int64_t[]){ 25, 250000000, 7 }, variances);
	assert_true(variances[0] == 25);
	assert_true(sqrt(variances[1]) == 5 * 1e7);
	assert_true(isnan(variances[2]));
	description.period_type = types[2];
	variance_estimate(&description, (int64_t[]){ 25, 250000000, 7 }, variances);
	assert_true(isnan(variances[0]) && isnan(variances[1]) && isnan(variances[2]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_variances_of_equal_blocks_are_the_real_ones),
		cmocka_unit_test(test_bytes_of_mixed_sizes_are_not_surer_than_they_seem),
		cmocka_unit_test(test_a_single_block_has_the_variance_of_its_size),
		cmocka_unit_test(test_what_is_exact_or_nothing_has_no_variance),
		cmocka_unit_test(test_what_values_do_not_tell_is_not_known),
		cmocka_unit_test(test_less_is_as_sure_as_more),
		cmocka_unit_test(test_only_pairs_of_objects_and_space_are_known),
		cmocka_unit_test(test_cpu_samples_are_a_poisson_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
