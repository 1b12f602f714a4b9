// SPDX-License-Identifier: Apache-2.0
// Decision: which stacks grow, so that chance is not taken for growth.  OUTSIDE.
#include "leaks/decision.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "report/chance.h"

#define LEAST_CHANCE 1e-12
#define LATE_CHANCE 0.2
#define LEAST_LATE_CHANCE 0.01
#define LEAST_KEPT 0.75

static uint32_t num_both(const struct evidence_count *count)
{
	return count->spans[EVIDENCE_CAME] + count->spans[EVIDENCE_WENT];
}

// So many spans came at least if none went and the chance is as small as that.
static uint32_t spans_for(double chance)
{
	return (uint32_t)ceil(-log2(chance));
}

#define MOST_SPANS 1000 // more than any chance that is asked for needs

// The smallest m of which at most m tests can come below allowed/m.
static size_t count_tests(const struct evidence *evidence, double allowed)
{
	size_t num_counts = evidence->num_stacks * evidence->num_ages, num_tests = 1;
	size_t num_with[MOST_SPANS + 1] = { 0 }; // tests of so many spans or more
	for (size_t i = 0; i < num_counts; i++) {
		uint32_t num = num_both(&evidence->counts[i]);
		num_with[num < MOST_SPANS ? num : MOST_SPANS]++;
	}
	for (uint32_t num = MOST_SPANS; num > 0; num--)
		num_with[num - 1] += num_with[num];
	while (num_with[spans_for(allowed / (double)num_tests)] > num_tests)
		num_tests++;
	return num_tests;
}

static bool has_stayed(const struct evidence_count *count)
{
	return count->spans[EVIDENCE_CAME] >= LEAST_KEPT * count->spans[EVIDENCE_SEEN];
}

// Half of what growth at an even pace would bring late, or what a number as small as that may come down to by chance.
static double least_late(const struct evidence_count *count, const struct evidence_age *age)
{
	double whole = (double)count->spans[EVIDENCE_CAME] - count->spans[EVIDENCE_WENT];
	double even = whole * (double)age->late_exposure_ticks / (double)age->exposure_ticks;
	return fmax(0, fmin(even / 2, even - 1.5 * sqrt(even)));
}

static bool goes_on(const struct evidence_count *count, const struct evidence_age *age, double allowed)
{
	uint32_t came = count->spans[EVIDENCE_CAME_LATE], went = count->spans[EVIDENCE_WENT_LATE];
	double least = least_late(count, age);
	return (double)came - went >= least && chance_of_majority(came, went) <= fmin(allowed, exp2(-least));
}

// What is decided with.
struct rule {
	const struct evidence *evidence;
	double allowed, late_allowed; // chances
	size_t num_tests;
};

static struct decision_stack decide_at(const struct rule *rule, size_t stack, size_t age)
{
	const struct evidence *evidence = rule->evidence;
	const struct evidence_count *count = &evidence->counts[stack * evidence->num_ages + age];
	uint64_t exposure_ticks = evidence->ages[age].exposure_ticks;
	double chance = chance_of_majority(count->spans[EVIDENCE_CAME], count->spans[EVIDENCE_WENT]);
	double scale = exposure_ticks ? (double)evidence->duration_ticks / (double)exposure_ticks : 1;
	bool stops = evidence->has_middle && !goes_on(count, &evidence->ages[age], rule->late_allowed);
	struct decision_stack decided = {
		.state = DECISION_CHANCE,
		.age = age,
		.chance = fmin(1, chance * (double)rule->num_tests),
		.bytes = count->bytes * scale,
		.bytes_error = count->bytes_variance > 0 ? sqrt(count->bytes_variance) * scale : -1,
		.num_samples = count->num_samples,
	};
	if (chance <= rule->allowed / (double)rule->num_tests && count->bytes > 0)
		decided.state = !has_stayed(count) ? DECISION_PASSING : stops ? DECISION_STOPPED : DECISION_LEAK;
	return decided;
}

static bool is_better(const struct decision_stack *left, const struct decision_stack *right)
{
	return left->state != right->state ? left->state < right->state : left->chance < right->chance;
}

// At the age that tells most.
static size_t decide(struct decision *decision, const struct rule *rule)
{
	size_t num_leaks = 0;
	for (size_t i = 0; i < decision->num_stacks; i++) {
		for (size_t age = 0; age < rule->evidence->num_ages; age++) {
			struct decision_stack decided = decide_at(rule, i, age);
			if (age == 0 || is_better(&decided, &decision->stacks[i]))
				decision->stacks[i] = decided;
		}
		num_leaks += decision->stacks[i].state == DECISION_LEAK;
	}
	return num_leaks;
}

// Each of several stacks that seem to go on has a chance to be mistaken for one that does.
void decision_init(struct decision *decision, const struct evidence *evidence, double confidence)
{
	struct rule rule = { .evidence = evidence, .allowed = fmax(1 - confidence, LEAST_CHANCE), .late_allowed = LATE_CHANCE };
	rule.num_tests = count_tests(evidence, rule.allowed);
	*decision = (struct decision){
		.stacks = memory_get(evidence->num_stacks, sizeof(*decision->stacks)),
		.num_stacks = evidence->num_stacks,
		.num_tests = rule.num_tests,
		// Were there the tests of one more stack.
		.num_needed = spans_for(rule.allowed / (double)(rule.num_tests + evidence->num_ages)),
	};
	size_t num_growing = 0;
	decide(decision, &rule);
	for (size_t i = 0; i < decision->num_stacks; i++)
		num_growing += decision->stacks[i].state == DECISION_LEAK || decision->stacks[i].state == DECISION_STOPPED;
	rule.late_allowed = fmax(LEAST_LATE_CHANCE, LATE_CHANCE / (double)(num_growing ? num_growing : 1));
	decision->num_leaks = decide(decision, &rule);
}

void decision_deinit(struct decision *decision)
{
	free(decision->stacks);
	*decision = (struct decision){ 0 };
}
