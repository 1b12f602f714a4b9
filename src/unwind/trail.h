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
 * They are read as the walk itself would read them, and only while everything before was equal: within the bounds of this
 * walk's stack, which on a thread's own stack are looked at once for all.  So nothing is read that a walk would not read,
 * and it does not matter whose stack the last walk was on, or what became of that memory: what is gone cannot be read,
 * and another stack in its place with the same words in all these places has the same callers.
 *
 * What this does not cover, and what is done about it:
 *   - frames whose rule is another (realigned stacks, where the CFA is loaded from memory; linkage tables), signal
 *     frames (behind which there may be another stack), what a signal interrupted (whose address is exact: with the
 *     same registers it is not the frame that is within a call), steps that were guessed from rbp (which depend on the
 *     code too), a saved rbp that could not be read, or that lies outside of its frame: what is kept begins behind the
 *     last one of these;
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
	uint32_t num_kept; // steps of a walk up to its root, at the end of the array; 0: none
	uint32_t num_new;  // steps of a walk under way, at its beginning
	bool is_broken;    // this walk cannot be followed by another
	struct trail_step steps[2 * TRAIL_MAX_STEPS + 1];
};

static inline struct trail_step *trail_end(struct trail *trail)
{
	return trail->steps + 2 * TRAIL_MAX_STEPS + 1;
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

// The first step from step on, all of which lie on this stack, that is not what it was; the last one if there is none.
// AddressSanitizer would object to reading other functions' frames.
__attribute__((no_sanitize("address"))) static inline const struct trail_step *trail_compare(const struct trail_step *step)
{
	for (; step->link == TRAIL_CALL; step++) {
		const uintptr_t *cfa = (const uintptr_t *)step[1].sp;
		if (cfa[-1] != step[1].pc || (step->rbp && cfa[-(int)step->rbp] != step[1].fp))
			break;
	}
	return step;
}

// The same where each word must be looked at before it is read.
static inline const struct trail_step *trail_compare_carefully(const struct trail_step *step, struct stack *stack)
{
	for (; step->link == TRAIL_CALL; step++) {
		uintptr_t value;
		if (!stack_read(stack, step[1].sp - 8, &value) || value != step[1].pc)
			break;
		if (step->rbp && (!stack_read(stack, step[1].sp - step->rbp * 8UL, &value) || value != step[1].fp))
			break;
	}
	return step;
}

static inline bool trail_is_equal(const struct trail_step *a, const struct trail_step *b)
{
	return a->sp == b->sp && a->pc == b->pc && a->fp == b->fp && a->has_fp == b->has_fp;
}

// True if from these registers on the walk goes as the last one went.  *at, where to look from, follows.
static inline bool trail_find(struct trail *trail, struct trail_step **at, const struct trail_step *now, struct stack *stack)
{
	struct trail_step *end = trail_end(trail), *step = *at;
	while (step < end && step->sp < now->sp)
		step++;
	*at = step;
	if (step == end || !trail_is_equal(step, now))
		return false;
	bool is_within = stack->is_own && end[-1].sp <= stack->limit;
	const struct trail_step *other = is_within ? trail_compare(step) : trail_compare_carefully(step, stack);
	if (other->link == TRAIL_LAST)
		return true;
	*at = (struct trail_step *)other + 1; // this far it is the same, but not further
	return false;
}

// The same at the beginning of a walk on the thread's own stack, which nearly all walks are that go as the last one
// went as a whole.  num_frames is how many these are.
static inline bool trail_repeats(struct trail *trail, uint32_t epoch, const struct trail_step *now,
				 const struct stack_memory *memory, size_t *num_frames)
{
	const struct trail_step *end = trail_end(trail), *first = end - trail->num_kept;
	if (first == end || trail->epoch != epoch || !trail_is_equal(first, now) || now->sp < memory->low ||
	    end[-1].sp > memory->top || trail_compare(first)->link != TRAIL_LAST)
		return false;
	*num_frames = first->num_frames;
	return true;
}

// Where the next step is made, in its place.
static inline struct trail_step *trail_next(struct trail *trail)
{
	return &trail->steps[trail->num_new];
}

// That step has been made.
static inline void trail_add(struct trail *trail, bool has_frame)
{
	trail->steps[trail->num_new].num_frames = has_frame;
	if (trail->num_new < TRAIL_MAX_STEPS)
		trail->num_new++;
	else
		trail->is_broken = true;
}

// What comes now is kept only from its caller on.
static inline void trail_restart(struct trail *trail)
{
	trail->num_new = 0;
}

// End a walk, which went on as the last one did from the kept step first on (NULL: from nowhere).
void trail_finish(struct trail *trail, struct trail_step *first);

// Forget everything: the frames that belong to what was kept are not to be had.
static inline void trail_clear(struct trail *trail)
{
	trail->num_kept = 0;
}

#endif
