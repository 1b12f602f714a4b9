// SPDX-License-Identifier: Apache-2.0
/*
 * Branches: the first steps of many walks, for the next one from the same place.
 *
 * A program that allocates in turn from a few places has most of its callers in common with the walk before (trail.h),
 * but not the last few.  Of those the walk remembers, for each place from which it began last, the steps and the words
 * on the stack that they were made of.  Where the words are the same, the steps are, for the reasons that trail.h gives
 * and with the same exceptions; what comes behind them is found as always.
 *
 * INSIDE.  For one thread at a time: part of a lane.  Only on the thread's own stack.
 */
#ifndef CAIRN_UNWIND_BRANCHES_H
#define CAIRN_UNWIND_BRANCHES_H

#include "unwind/trail.h"

#define BRANCH_MAX_STEPS 8
#define BRANCHES_SETS 64 // a power of 2
#define BRANCHES_WAYS 4
#define BRANCHES_MAX_CREDIT 1024

struct branch {
	uint32_t epoch;     // of the rules
	uint32_t num_steps; // 0: none is here
	// num_frames: 1 if a step has a frame, 0 if it is left out.  One more, to which the last one leads.
	struct trail_step steps[BRANCH_MAX_STEPS + 1];
	uint32_t frames[BRANCH_MAX_STEPS]; // of the steps that have one
};

// Zeroed at the start.
struct branches {
	uint32_t num_kept;
	uint32_t num_missed;
	uint32_t credit; // grows with walks that went along a branch, and pays for keeping others
	uint64_t tags[BRANCHES_SETS][BRANCHES_WAYS]; // of where they begin; to look at these is to miss the cache once at most
	struct branch branch[BRANCHES_SETS][BRANCHES_WAYS];
};

static inline uint64_t branches_tag(const struct trail_step *start)
{
	uint64_t mixed = (start->pc ^ start->sp << 16 ^ start->fp << 32) * UINT64_C(0x9e3779b97f4a7c15);
	return mixed ^ mixed >> 32;
}

// The branch that this walk goes along, all of which then lies between its stack pointer and the top; NULL if there is none.
static inline struct branch *branches_find(struct branches *branches, uint32_t epoch, const struct trail_step *start,
					   const struct stack *stack)
{
	uint64_t tag = branches_tag(start), set = tag % BRANCHES_SETS;
	for (int i = 0; i < BRANCHES_WAYS; i++) {
		struct branch *branch = &branches->branch[set][i];
		if (branches->tags[set][i] == tag && stack->is_own && branch->num_steps && branch->epoch == epoch &&
		    trail_is_equal(&branch->steps[0], start) && branch->steps[branch->num_steps].sp <= stack->limit &&
		    trail_compare(branch->steps) == &branch->steps[branch->num_steps]) {
			branches->credit += branches->credit < BRANCHES_MAX_CREDIT;
			return branch;
		}
	}
	return NULL;
}

// Remember the first steps of a walk, which was not broken: those at the beginning of the trail, and where they lead.
// Where walks hardly ever come again, few are kept.
void branches_keep(struct branches *branches, struct branch *known, const struct trail *trail, const struct trail_step *joined,
		   const uint32_t *frames);

#endif
