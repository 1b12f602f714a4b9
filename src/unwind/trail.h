// SPDX-License-Identifier: Apache-2.0
/*
 * Trail: the steps of a thread's last walk, for the next one.
 *
 * Most allocations have most of their callers in common with the one before.  Where a walk comes to registers that
 * the last walk had, the rules of all further steps are the same; whether the steps are depends only on the return
 * addresses and saved rbp that the last walk read, at the same places.  To compare these is several times faster than
 * to look every step up.
 *
 * Why the outcome is that of a whole walk.  A plain step (TRAIL_CALL) makes the caller's pc, sp and rbp of
 *   - the frame's pc, sp, rbp, and whether rbp is known: compared at the first kept step, and from there the same by
 *     induction;
 *   - the rule of pc: the same for as long as the epoch of the rules is;
 *   - the return address and, if the rule says so, the saved rbp on the stack: compared at each step.
 * They are read as the walk itself would read them, in the same order and within the bounds of this walk's stack, and
 * only while everything before was equal.  So nothing is read that a walk would not read, and it does not matter whose
 * stack the last walk was on, or what became of that memory: what is gone cannot be read, and another stack in its
 * place with the same words in all these places has the same callers.
 *
 * What this does not cover, and what is done about it:
 *   - frames whose rule is another (realigned stacks, where the CFA is loaded from memory; linkage tables), signal
 *     frames (behind which there may be another stack), steps that were guessed from rbp (which depend on the code
 *     too), a saved rbp that could not be read: a walk with one of these is not kept.  It may itself go on as the one
 *     before from a frame behind them;
 *   - a frame that was interrupted, whose address is exact: with the same registers it is not the frame that is within
 *     a call, and is not looked for;
 *   - walks that were cut, got lost or found the ledger full are not kept, and one that would become too deep is done
 *     again as a whole;
 *   - rules that change while the epoch does not (rules.c tells when): whoever looks them up is as wrong;
 *   - the frames' numbers, which the caller remembers: if it loses them, or a walk was left in the middle by longjmp()
 *     or the end of its thread, it must trail_clear().
 *
 * INSIDE.  For one thread at a time: part of a lane.
 */
#ifndef CAIRN_UNWIND_TRAIL_H
#define CAIRN_UNWIND_TRAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "unwind/stack.h"

#define TRAIL_MAX_STEPS 513 // the frames of a stack, and the end

enum trail_link {
	TRAIL_CALL, // the caller's return address is below its sp, its rbp, if rbp is not 0, rbp * 8 below it
	TRAIL_LAST, // the walk ends here
};

// The registers with which the walk came to a frame, and how it went on.
struct trail_step {
	uintptr_t pc; // 0: behind the outermost frame
	uintptr_t sp;
	uintptr_t fp;
	uint32_t num_frames; // from the root to here
	uint16_t rbp;
	bool has_fp;
	uint8_t link; // enum trail_link
};

// Zeroed at the start.
struct trail {
	uint32_t epoch;    // of the rules
	uint32_t num_kept; // steps of a whole walk, at the end of the array; 0: none
	uint32_t num_new;  // steps of a walk under way, at its beginning
	bool is_broken;    // this walk cannot be followed by another
	struct trail_step steps[2 * TRAIL_MAX_STEPS];
};

static inline struct trail_step *trail_end(struct trail *trail)
{
	return trail->steps + 2 * TRAIL_MAX_STEPS;
}

// Begin a walk.  Returns the first kept step, for trail_find().
static inline struct trail_step *trail_begin(struct trail *trail, uint32_t epoch)
{
	if (trail->epoch != epoch)
		trail->num_kept = 0;
	trail->epoch = epoch;
	trail->num_new = 0;
	trail->is_broken = false;
	return trail_end(trail) - trail->num_kept;
}

// True if from these registers on the walk goes as the last one went.  *at, where to look from, follows.
static inline bool trail_find(struct trail *trail, struct trail_step **at, const struct trail_step *now, struct stack *stack)
{
	const struct trail_step *end = trail_end(trail), *step;
	while (*at < end && (*at)->sp < now->sp)
		(*at)++;
	step = *at;
	if (step == end || step->sp != now->sp || step->pc != now->pc || step->fp != now->fp || step->has_fp != now->has_fp)
		return false;
	for (; step->link == TRAIL_CALL; step++) {
		uintptr_t value;
		if (!stack_read(stack, step[1].sp - 8, &value) || value != step[1].pc)
			break;
		if (step->rbp && (!stack_read(stack, step[1].sp - step->rbp * 8UL, &value) || value != step[1].fp))
			break;
	}
	if (step->link == TRAIL_LAST)
		return true;
	*at = (struct trail_step *)step + 1; // this far it is the same, but not further
	return false;
}

static inline void trail_add(struct trail *trail, const struct trail_step *step, bool has_frame)
{
	if (trail->num_new == TRAIL_MAX_STEPS) {
		trail->is_broken = true;
		return;
	}
	struct trail_step *added = &trail->steps[trail->num_new++];
	*added = *step;
	added->num_frames = has_frame;
}

// End a walk, which went on as the last one did from the kept step first on (NULL: from nowhere).
void trail_finish(struct trail *trail, struct trail_step *first);

// Forget everything: the frames that belong to what was kept are not to be had.
static inline void trail_clear(struct trail *trail)
{
	trail->num_kept = 0;
}

#endif
