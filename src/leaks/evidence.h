// SPDX-License-Identifier: Apache-2.0
/*
 * Evidence: what a watch saw come and go, for each stack.
 *
 * Where nothing grows, time has no direction: what came and stayed looks like what had been there and went, seen
 * backwards.  So, for an age a, blocks that became older than a during the watch and are there at its end stand against
 * blocks that were older than a at its beginning and are gone at its end.  A block that was there all the time, which
 * is the same sample in all snapshots, is neither.  Nor is what was allocated and freed in between; and of what comes and goes
 * all the time (churn) hardly anything gets as old as the larger age, so that what stays shows among it.
 *
 * If arrivals are random in time and lifetimes have nothing to do with each other, both numbers are independent, of Poisson's
 * distribution and of equal expectation, whatever the distribution of lifetimes: births and deaths are a Poisson process
 * in the plane, which is mirrored in time.  What a program allocates at one time often goes at one time, so blocks are not counted
 * but the spans of time, of which a watch has WATCH_NUM_SPANS, in which blocks were born that came, or that went.
 *
 * A process that was not twice as old as a when the watch began may not have been steady that long before.  Then what was born
 * in the watch and is older than a at its end stands against what was there at its beginning, was still there a later, and
 * is gone at its end.
 *
 * OUTSIDE; one thread.
 */
#ifndef CAIRN_LEAKS_EVIDENCE_H
#define CAIRN_LEAKS_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "leaks/watch.h"

#define EVIDENCE_NUM_AGES 2

enum evidence_spans {
	EVIDENCE_CAME,
	EVIDENCE_WENT,
	EVIDENCE_SEEN, // of births that could have come: in which any block became older than a, gone or not
	EVIDENCE_CAME_LATE, // of what was born after early_ticks
	EVIDENCE_WENT_LATE, // since the middle snapshot, of what was old enough then
	EVIDENCE_NUM_SPANS,
};

struct evidence_count {
	uint32_t spans[EVIDENCE_NUM_SPANS];
	double bytes, bytes_variance; // of what came, less what went
	uint64_t num_samples;         // that came
};

struct evidence_age {
	uint64_t age_ticks;
	uint64_t exposure_ticks; // for how long what came could be born
	uint64_t late_age_ticks; // that stands for a where it is about what came late
	uint64_t early_ticks;    // of the watch: what was born in them is not late, at least a third
	uint64_t late_exposure_ticks; // for how long what came late could be born
	bool is_by_birth;        // else by presence in snapshots of the watch
	uint32_t snapshot;       // of that presence
};

struct evidence {
	uint64_t duration_ticks; // from the first snapshot to the last
	bool has_middle;         // else nothing is known of what is late
	struct evidence_age ages[EVIDENCE_NUM_AGES]; // the smaller one first
	size_t num_ages;
	size_t num_stacks;
	struct evidence_count *counts; // of stack s and age a: counts[s * num_ages + a]
};

// The watch has two snapshots or more.  stacks tells the stack of a site, which may be that of others too;
// num_stacks or more: none.
void evidence_init(struct evidence *evidence, const struct watch *watch, const uint32_t *stacks, size_t num_sites, size_t num_stacks);
void evidence_deinit(struct evidence *evidence);

#endif
