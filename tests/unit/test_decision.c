// SPDX-License-Identifier: Apache-2.0
// Growth of a process: steady programs are not said to leak, and leaks are found, in simulations with the real decision.
//
// Seeds are fixed.  With others, the test of steady programs would fail by chance once in 900 times if one program in 1,000
// were said to leak, the most that is promised.  An argument is the number of programs to try instead.  Of 10,000 of each kind
// there were: random arrivals 1, bursts 0, phases 20 (1 if they are no longer than a quarter of the watch), full caches 10,
// young processes 0.
#include "unit.h"

#include <stdio.h>

#include "report/chance.h"
#include "simulated.h"

static unsigned num_programs = 2400;

static void measure(struct simulation *simulation, uint32_t num_stacks, struct decision *decision)
{
	struct evidence evidence;
	simulate(simulation, num_stacks, NUM_INTERVALS, decision, &evidence);
	evidence_deinit(&evidence);
}

static bool leaks(struct simulation *simulation, uint32_t num_stacks)
{
	struct decision decision;
	measure(simulation, num_stacks, &decision);
	bool has_leak = decision.num_leaks > 0;
	decision_deinit(&decision);
	return has_leak;
}

static struct simulation begin(uint64_t seed, double age)
{
	return (struct simulation){ .random = seed * UINT64_C(0x2545f4914f6cdd1d), .age = age, .block_bytes = 100 };
}

enum program { POISSON, BURSTS, PHASES, CACHE, NUM_KINDS };
static const char *const names[] = { "random arrivals", "bursts", "phases", "full caches" };

static void add_steady(struct simulation *simulation, enum program program, uint32_t site, double num)
{
	struct stream stream = { .site = site, .num_per_watch = num, .start = -INFINITY, .end = DURATION, .kind = draw_choice(simulation, 3) };
	stream.lifetime = draw_between(simulation, DURATION / 1000, stream.kind == LIFETIME_PARETO ? DURATION / 3 : 2 * DURATION);
	if (program == PHASES) {
		add_sawtooth(simulation, site, num, draw_between(simulation, DURATION / 50, DURATION));
		return;
	}
	if (program == BURSTS) {
		stream.burst = draw_between(simulation, 2, 100);
		stream.has_common_death = draw_choice(simulation, 2);
	}
	add_stream(simulation, &stream);
	if (program == CACHE) // filled in the first third, and then some of it replaced all the time
		add_stream(simulation, &(struct stream){ .site = site, .num_per_watch = 3 * num, .end = DURATION / 3, .kind = LIFETIME_FOREVER });
}

// One of 1, 10, 100, 1000 stacks, of a young process or of an old one.
static bool steady_leaks(uint64_t seed, enum program program)
{
	static const uint32_t nums[] = { 1, 10, 100, 1000 };
	static const double most[] = { 3000, 300, 60, 12 };
	struct simulation simulation = begin(seed, 41 * DURATION);
	uint32_t choice = draw_choice(&simulation, program == PHASES || program == CACHE ? 2 : 4);
	simulation.block_bytes = draw_between(&simulation, 16, 4 * RATE_BYTES);
	for (uint32_t site = 0; site < nums[choice]; site++)
		add_steady(&simulation, program, site, draw_between(&simulation, 3, most[choice]));
	return leaks(&simulation, nums[choice]);
}

// Lifetimes are short enough for it to be steady soon after its start.
static bool young_leaks(uint64_t seed)
{
	struct simulation simulation = begin(seed, 0);
	simulation.age = DURATION / 10 * (1 + draw_choice(&simulation, 8));
	for (uint32_t site = 0; site < 10; site++)
		add_stream(&simulation, &(struct stream){ .site = site, .num_per_watch = draw_between(&simulation, 3, 1000), .start = -INFINITY,
							   .end = DURATION, .kind = draw_choice(&simulation, 2), .burst = draw_choice(&simulation, 5),
							   .lifetime = draw_between(&simulation, DURATION / 1000, simulation.age / 20) });
	return leaks(&simulation, 10);
}

static void test_steady_programs_do_not_leak(void **state)
{
	(void)state;
	unsigned num_false[NUM_KINDS + 1] = { 0 }, num_each = num_programs / (NUM_KINDS + 1), num_all = 0;
	for (unsigned i = 0; i < num_each; i++) {
		for (int program = 0; program < NUM_KINDS; program++)
			num_false[program] += steady_leaks(i * 8 + (unsigned)program + 1, program);
		num_false[NUM_KINDS] += young_leaks(i * 8 + 7);
	}
	for (int program = 0; program <= NUM_KINDS; program++) {
		print_message("%s: %u false verdicts in %u\n", program < NUM_KINDS ? names[program] : "young processes",
			      num_false[program], num_each);
		num_all += num_false[program];
	}
	double expected = num_programs / 1000.0;
	assert_true(num_all <= expected + 3.5 * sqrt(expected)); // 7 of 2,400
}

struct scenario {
	double lifetime_s, age_s; // of churn; of the process
	bool is_apart;            // the leak has a stack of its own
};

// 1 GB/min of small blocks, and 1 MB/min that stays: 1,907 and 1.9 samples a minute.
static double measure_power(const struct scenario *scenario, unsigned num_runs)
{
	const double second = DURATION / 600;
	unsigned num_found = 0;
	for (unsigned i = 0; i < num_runs; i++) {
		struct simulation simulation = begin(1000003 * (uint64_t)(i + 1), scenario->age_s * second);
		add_stream(&simulation, &(struct stream){ .num_per_watch = 1e10 / RATE_BYTES, .start = -INFINITY, .end = DURATION,
							   .lifetime = scenario->lifetime_s * second });
		add_stream(&simulation, &(struct stream){ .site = scenario->is_apart, .num_per_watch = 1e7 / RATE_BYTES, .start = -simulation.age,
							   .end = DURATION, .kind = LIFETIME_FOREVER });
		num_found += leaks(&simulation, 2);
	}
	return (double)num_found / num_runs;
}

static void test_a_leak_is_found_among_a_thousand_times_as_much_churn(void **state)
{
	(void)state;
	static const double lifetimes_s[] = { 0.01, 0.1, 1, 5, 10, 30 };
	static const double ages_s[] = { 1800, 60 };
	for (int age = 0; age < 2; age++)
		for (int i = 0; i < 6; i++)
			for (int is_apart = 1; is_apart >= 0; is_apart--) {
				const struct scenario scenario = { lifetimes_s[i], ages_s[age], is_apart };
				double power = measure_power(&scenario, num_programs / 8);
				print_message("churn of %5.2f s, process of %4.0f s, %s: found in %.1f %%\n", lifetimes_s[i], ages_s[age],
					      is_apart ? "another stack" : "same stack", 100 * power);
				if (age == 0)
					assert_true(power >= (lifetimes_s[i] == 30 && !is_apart ? 0.7 : 0.9));
			}
}

static struct decision_stack decide_after(struct simulation *simulation, uint32_t num_intervals, struct evidence *kept)
{
	struct decision decision;
	struct evidence evidence;
	simulate(simulation, 1, num_intervals, &decision, &evidence);
	struct decision_stack decided = decision.stacks[0];
	assert_int_equal(decided.state == DECISION_LEAK, decision.num_leaks);
	*kept = evidence;
	kept->counts = NULL;
	evidence_deinit(&evidence);
	decision_deinit(&decision);
	return decided;
}

static struct decision_stack decide_only(struct simulation *simulation)
{
	struct evidence evidence;
	return decide_after(simulation, NUM_INTERVALS, &evidence);
}

// So many blocks, one after another at equal distances, that never go.
static void add_kept(struct simulation *simulation, double start, double end, unsigned num)
{
	for (unsigned i = 0; i < num; i++)
		add_simulated(simulation, 0, start + (end - start) * (i + 0.5) / num, INFINITY);
}

static void test_a_sign_test_is_exact(void **state)
{
	(void)state;
	assert_float_equal(chance_of_majority(10, 0), 0x1p-10, 1e-12);
	assert_float_equal(chance_of_majority(0, 5), 1, 1e-12);
	assert_float_equal(chance_of_majority(0, 0), 1, 1e-12);
	assert_float_equal(chance_of_majority(7, 3), 0.171875, 1e-12);
	assert_float_equal(chance_of_majority(300, 200) * 1e6, 4.470033271126634, 1e-6);
	assert_float_equal(chance_of_majority(1000, 900), 0.011554422554450536, 1e-9);
}

static void test_what_stays_is_a_leak_of_its_size(void **state)
{
	(void)state;
	struct simulation simulation = begin(1, 3 * DURATION);
	add_kept(&simulation, -simulation.age, DURATION, 4000);
	simulation.block_bytes = 1000;
	struct decision_stack decided = decide_only(&simulation);
	assert_int_equal(DECISION_LEAK, decided.state);
	assert_float_equal(decided.bytes / 1000 / RATE_BYTES, 1, 0.01); // 1,000 samples of what is sampled once in 524.8 times
	assert_float_equal(decided.bytes_error / decided.bytes, 1 / sqrt(1000), 0.001);
}

static void test_what_was_there_all_the_time_is_no_growth(void **state)
{
	(void)state;
	struct simulation simulation = begin(1, 3 * DURATION);
	add_kept(&simulation, -2.5 * DURATION, -DURATION, 4000);
	struct decision_stack decided = decide_only(&simulation);
	assert_int_equal(DECISION_CHANCE, decided.state);
	assert_float_equal(decided.bytes, 0, 0);
}

static void test_what_went_is_taken_off_what_came(void **state)
{
	(void)state;
	struct simulation simulation = begin(1, 3 * DURATION);
	for (unsigned i = 0; i < 100; i++)
		add_simulated(&simulation, 0, -2.5 * DURATION + i * DURATION / 100, DURATION / 2);
	add_kept(&simulation, 0, DURATION * 0.89, 400);
	struct decision_stack decided = decide_only(&simulation);
	assert_int_equal(DECISION_LEAK, decided.state);
	assert_float_equal(decided.bytes / RATE_BYTES, 300, 1);
	assert_float_equal(decided.bytes_error / RATE_BYTES, sqrt(500), 1);
}

static void test_a_full_cache_has_stopped(void **state)
{
	(void)state;
	for (int is_old = 0; is_old < 2; is_old++) {
		struct simulation simulation = begin(1, is_old ? 3 * DURATION : DURATION / 10);
		add_kept(&simulation, 0, DURATION / 3, 500);
		assert_int_equal(DECISION_STOPPED, decide_only(&simulation).state);
	}
}

static void test_what_a_phase_frees_comes_and_goes(void **state)
{
	(void)state;
	struct simulation simulation = begin(1, 3 * DURATION);
	for (unsigned i = 0; i < 3000; i++) // the last phase is longer by half than what was there at the beginning
		add_simulated(&simulation, 0, i * DURATION / 3000 - DURATION / 8, i < 1800 ? DURATION / 2.1 : INFINITY);
	assert_int_equal(DECISION_PASSING, decide_only(&simulation).state);
}

static void test_fewer_samples_than_needed_are_no_leak(void **state)
{
	(void)state;
	const uint32_t needed = 10; // 2^-9 is more than one in 1,000; the larger age has too few to be a test at all
	for (uint32_t num = needed - 2; num <= needed; num++) {
		struct simulation simulation = begin(1, 3 * DURATION);
		struct decision decision;
		add_kept(&simulation, -0.09 * DURATION, 0.89 * DURATION, num);
		measure(&simulation, 1, &decision);
		assert_int_equal(num >= needed ? DECISION_LEAK : DECISION_CHANCE, decision.stacks[0].state);
		decision_deinit(&decision);
	}
}

static void test_a_watch_that_ends_early_has_a_verdict(void **state)
{
	(void)state;
	for (uint32_t num_intervals = 1; num_intervals <= NUM_INTERVALS; num_intervals++) {
		struct simulation simulation = begin(num_intervals, 3 * DURATION);
		struct evidence evidence;
		add_kept(&simulation, -simulation.age, DURATION, 40000);
		struct decision_stack decided = decide_after(&simulation, num_intervals, &evidence);
		assert_int_equal(DECISION_LEAK, decided.state);
		assert_int_equal(num_intervals > 1, evidence.has_middle);
		assert_float_equal((double)evidence.duration_ticks / (double)LEDGER_BIRTH_TICKS, DURATION * num_intervals / NUM_INTERVALS, 1);
	}
}

static void test_no_block_at_all_is_no_leak(void **state)
{
	(void)state;
	struct simulation simulation = begin(1, 0);
	assert_int_equal(DECISION_CHANCE, decide_only(&simulation).state);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_sign_test_is_exact),
		cmocka_unit_test(test_what_stays_is_a_leak_of_its_size),
		cmocka_unit_test(test_what_was_there_all_the_time_is_no_growth),
		cmocka_unit_test(test_what_went_is_taken_off_what_came),
		cmocka_unit_test(test_a_full_cache_has_stopped),
		cmocka_unit_test(test_what_a_phase_frees_comes_and_goes),
		cmocka_unit_test(test_fewer_samples_than_needed_are_no_leak),
		cmocka_unit_test(test_a_watch_that_ends_early_has_a_verdict),
		cmocka_unit_test(test_no_block_at_all_is_no_leak),
		cmocka_unit_test(test_steady_programs_do_not_leak),
		cmocka_unit_test(test_a_leak_is_found_among_a_thousand_times_as_much_churn),
	};
	num_programs = argc > 1 ? (unsigned)atoi(argv[1]) : num_programs;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
