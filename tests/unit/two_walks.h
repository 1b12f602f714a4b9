// SPDX-License-Identifier: Apache-2.0
/*
 * Two walks of the same stack: one that goes on as the last one did, where it may, and one that looks every step up.
 *
 * Any thread, and signal handlers: those that interrupt two walks shall not begin others, as in the profiler.
 */
#ifndef CAIRN_TESTS_TWO_WALKS_H
#define CAIRN_TESTS_TWO_WALKS_H

#include <stdbool.h>
#include <stdint.h>

#include "shapes.h"
#include "unwind/walk.h"

struct two_walks {
	struct ledger ledger;
	struct rules rules;
	uintptr_t own_start, own_limit; // code whose frames are left out
	_Atomic long num_compared, num_different;
	_Atomic long num_frames, num_kept; // of these, as many were those of the walk before
	_Atomic long num_by_end[WALK_FULL + 1];
};

extern struct two_walks two_walks;
extern _Thread_local unsigned two_walks_next_lane; // to be taken first; 0: the same one for one walk after another
extern _Thread_local volatile bool two_walks_are_under_way;

// For each test.
int two_walks_create(void **state);
int two_walks_destroy(void **state);

// Walk from the caller on.
void two_walks_compare(struct shapes *shapes);

// So many were compared at least, and none differed.
void two_walks_assert_same(long least_compared);

// Compare at the end of a recursion, whose frames look alike; or, with shapes, at the tips of a tree that grows there.
void two_walks_descend(int depth, struct shapes *shapes);

#endif
