// SPDX-License-Identifier: Apache-2.0
/*
 * Lanes: what threads work with while they record an event.
 *
 * A lane is held by one thread at a time, for the time of an event.  It is scratch memory, since the program's stack may be
 * small; what is remembered of events for the next ones; a part of the ledger that nobody else writes to meanwhile; and a
 * sign that somebody is inside.  A thread has a lane of its own as long as there are enough, and finds there what it left.
 *
 * INSIDE, any thread, signal handlers too.
 */
#ifndef CAIRN_SHIM_LANES_H
#define CAIRN_SHIM_LANES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "ledger/writer.h"
#include "unwind/walk.h"

#define LANE_IS_MENDED UINT32_C(0x80000000) // in holder: by that thread, after another one left it in the middle

#define LANE_NUM_LEAVES 8192 // a power of 2

// A stack that was met.
struct leaf {
	uint32_t node;  // 0: none is here
	uint32_t tally; // of its site without a label, in this lane; 0: there was no room for one
};

// What a thread works with during an event, and finds again at its next one.
struct lane {
	_Alignas(128) _Atomic uint32_t holder; // tid of the thread that is inside, 0: none; or who mends it
	_Atomic uint32_t owner;                // tid of the thread that comes here first; 0: none yet
	struct ledger_writer writer;
	struct leaf *leaves; // LANE_NUM_LEAVES, by the hash of their frames; NULL: none are kept, as few events are recorded
	uint32_t frames[WALK_MAX_FRAMES + 1];
	struct walk_memory walks;
	// The last one's stack, from the root: frames, their nodes in the call tree, and hashes of all frames so far.
	uint32_t num_known;
	uint32_t known_frames[WALK_MAX_FRAMES + 1];
	uint32_t known_nodes[WALK_MAX_FRAMES + 1];
	uint64_t known_hashes[WALK_MAX_FRAMES + 1];
};

// All of them.  Zeroed at the start.
struct lanes {
	struct lane *lane;         // LEDGER_NUM_LANES
	struct branches *branches; // of these; NULL: few events are recorded
	uintptr_t limit;           // of the memory of both
};

// False if there is no memory.  is_exact: every event will be recorded.
bool lanes_init(struct lanes *lanes, bool is_exact);

// How many may be held.
uint32_t lanes_num_used(void);

// Take a lane if nobody holds it.
static inline __attribute__((always_inline)) bool lane_take(struct lane *lane, uint32_t tid)
{
	uint32_t nobody = 0;
	// Sequentially consistent, as is the gate: either we see it closed, or who closed it sees us.
	return atomic_load_explicit(&lane->holder, memory_order_relaxed) == 0 &&
	       atomic_compare_exchange_strong_explicit(&lane->holder, &nobody, tid, memory_order_seq_cst, memory_order_relaxed);
}

static inline void lane_give(struct lane *lane)
{
	// Pairs with the loads in profiler_close_gate(): who sees the lane free sees what was recorded.
	atomic_store_explicit(&lane->holder, 0, memory_order_release);
}

// Wait for a lane, this thread's or any other one, and for the gate; NULL if there is none for a second.
struct lane *lanes_wait(void);

// Wait for the lane of that number; NULL if it is not to be had for a second.
struct lane *lanes_wait_for(uint32_t number);

// Give this thread a lane of its own, if there is one: that of a thread that is gone, or a new one.
void lanes_choose(void);

// Those that this thread holds from an event that it has left.
void lanes_mend_own(void);

// That of a thread that is gone, if it ended in the middle of an event: holder is its tid.
void lanes_mend_of(struct lane *lane, uint32_t holder);

// Is that a thread of the process that profiling is of, and has ended?
bool lanes_is_gone(uint32_t tid);

// In the child of fork(): nobody holds any.
void lanes_after_fork(void);

// For another ledger, of which nothing has been used yet.
void lanes_after_adoption(uint32_t num_used);

#endif
