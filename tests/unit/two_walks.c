// SPDX-License-Identifier: Apache-2.0
// Two walks of the same stack.
#include "two_walks.h"

#include "unit/unit.h"

#include <string.h>

#define NUM_LANES 3

// What a walk needs beside the thread's own; whoever comes takes one that is free.
struct lane {
	atomic_flag is_taken;
	struct walk_memory before;
	struct branches branches;
	uint32_t frames[WALK_MAX_FRAMES]; // the last walk's, from the root
	size_t num_frames;
};

struct two_walks two_walks;
_Thread_local unsigned two_walks_next_lane;
_Thread_local volatile bool two_walks_are_under_way;

static struct lane lanes[NUM_LANES];
static _Thread_local struct stack_memory memory, other_memory;

int two_walks_create(void **state)
{
	(void)state;
	memset(&two_walks, 0, sizeof(two_walks));
	memset(lanes, 0, sizeof(lanes));
	for (int i = 1; i < NUM_LANES; i++) // one does without
		lanes[i].before.branches = &lanes[i].branches;
	return ledger_create(&two_walks.ledger, 64 << 20, 1) && rules_init(&two_walks.rules, 1 << 14) ? 0 : -1;
}

int two_walks_destroy(void **state)
{
	(void)state;
	ledger_destroy(&two_walks.ledger);
	return 0;
}

static struct lane *take_lane(void)
{
	for (;;) {
		struct lane *lane = &lanes[two_walks_next_lane++ % NUM_LANES];
		if (!atomic_flag_test_and_set(&lane->is_taken))
			return lane;
	}
}

// The frames of a walk from the leaf, those included that are the lane's, which then keeps them all.
static void complete(struct lane *lane, struct walk *walk)
{
	two_walks.num_kept += (long)walk->num_kept;
	if (walk->num_kept > lane->num_frames || walk->num_frames + walk->num_kept > WALK_MAX_FRAMES) {
		two_walks.num_different++;
		walk->num_kept = 0;
	}
	if (walk->end != WALK_COMPLETE && lane->before.trail.num_kept) // its steps lead nowhere
		two_walks.num_different++;
	for (; walk->num_kept; walk->num_kept--)
		walk->frames[walk->num_frames++] = lane->frames[walk->num_kept - 1];
	for (size_t i = 0; i < walk->num_frames; i++)
		lane->frames[i] = walk->frames[walk->num_frames - 1 - i];
	lane->num_frames = walk->num_frames;
}

static bool is_same(const struct walk *a, const struct walk *b)
{
	return a->num_frames == b->num_frames && a->end == b->end && a->num_guessed == b->num_guessed &&
	       memcmp(a->frames, b->frames, a->num_frames * sizeof(*a->frames)) == 0;
}

static void compare_from(const struct origin *origin)
{
	uint32_t frames[WALK_MAX_FRAMES], slow_frames[WALK_MAX_FRAMES];
	struct walk walk = { .frames = frames }, slow = { .frames = slow_frames };
	two_walks_are_under_way = true;
	walk_stack(&slow, &two_walks.rules, &two_walks.ledger, &other_memory, NULL, origin, two_walks.own_start, two_walks.own_limit);
	struct lane *lane = take_lane();
	walk_stack(&walk, &two_walks.rules, &two_walks.ledger, &memory, &lane->before, origin, two_walks.own_start, two_walks.own_limit);
	complete(lane, &walk);
	atomic_flag_clear(&lane->is_taken);
	two_walks.num_different += !is_same(&walk, &slow);
	two_walks.num_frames += (long)slow.num_frames;
	two_walks.num_by_end[slow.end]++;
	two_walks.num_compared++;
	two_walks_are_under_way = false;
}

__attribute__((noinline)) void two_walks_compare(struct shapes *shapes)
{
	struct origin origin = ORIGIN();
	(void)shapes;
	compare_from(&origin);
}

void two_walks_assert_same(long least_compared)
{
	assert_int_equal(two_walks.num_different, 0);
	assert_true(two_walks.num_compared >= least_compared);
}

__attribute__((noinline)) void two_walks_descend(int depth, struct shapes *shapes)
{
	if (depth > 0)
		two_walks_descend(depth - 1, shapes);
	else if (shapes)
		shapes_grow(shapes, (int)shapes_random(shapes, 8));
	else
		two_walks_compare(NULL);
	__asm__ volatile("");
}
