// SPDX-License-Identifier: Apache-2.0
/*
 * Decision: which stacks grow, so that chance is not taken for growth.
 *
 * A stack leaks if, at the same age limit of the evidence,
 * - more spans came than went, and so many more come by chance with a probability, in a sign test, of at most
 *   (1 - confidence)/m, where m is the number of tests that could have come out so at all (R. E. Tarone, A modified
 *   Bonferroni method for discrete data, 1990: the numbers of spans, came and went together, are given, and a test of
 *   n of them cannot give less than 2^-n);
 * - what came has stayed: three in four of the spans in which blocks got so old still have some of them.  What a program
 *   allocates and frees in phases comes back to nothing;
 * - it did not stop, as a cache does that is full: of what was born after the first third of the watch (or later), too, more came
 *   than went: by n or more, with a chance of at most 2^-n and 1 in 5 (of g stacks that grew: 1 in 5g, but 1 in 100 is
 *   enough), where n is half of what growth at an even pace brings, or all of that less 1.5 standard deviations of such a number.
 * The first alone keeps the confidence for random arrivals; the others can only take stacks away.
 *
 * OUTSIDE; one thread.
 */
#ifndef CAIRN_LEAKS_DECISION_H
#define CAIRN_LEAKS_DECISION_H

#include "leaks/evidence.h"

enum decision_state {
	DECISION_LEAK,
	DECISION_STOPPED, // it grew, and stopped
	DECISION_PASSING, // it grew and shrank
	DECISION_CHANCE,  // it did not grow by more than chance
};

struct decision_stack {
	enum decision_state state;
	size_t age;    // of the evidence, at which it is decided
	double chance; // that some stack grows so by chance: that of the test times the number of tests
	// Growth over the watch, and its standard error; below 0: exact.  It is that of blocks older than the age, so if those
	// can only have been born in a part of the watch, that is scaled up.
	double bytes, bytes_error;
	uint64_t num_samples;
};

struct decision {
	struct decision_stack *stacks; // of all stacks of the evidence
	size_t num_stacks;
	size_t num_leaks, num_tests; // m, at least 1
	uint32_t num_needed; // spans that must come, if none goes, for one more stack to be called growing
};

// confidence is between 0 and 1.
void decision_init(struct decision *decision, const struct evidence *evidence, double confidence);
void decision_deinit(struct decision *decision);

#endif
