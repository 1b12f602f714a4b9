// SPDX-License-Identifier: Apache-2.0
/*
 * Profiler: the state of profiling in this process, and the gate to it.
 *
 * Every event that is recorded passes profiler_enter() and profiler_leave().  In between a thread holds a lane, so
 * fork() can wait for a moment when nobody is inside.
 *
 * INSIDE, any thread, signal handlers too.
 */
#ifndef CAIRN_SHIM_PROFILER_H
#define CAIRN_SHIM_PROFILER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/system.h"
#include "ledger/copy.h"
#include "ledger/ledger.h"
#include "shim/lanes.h"
#include "shim/thread.h"
#include "unwind/rules.h"
#include "unwind/walk.h"

enum profiler_state {
	PROFILER_NEW,      // nothing has been set up yet
	PROFILER_STARTING, // a thread is at it
	PROFILER_ON,
	PROFILER_OFF, // cairn stepped aside, for good
};

struct profiler {
	_Atomic uint32_t state; // enum profiler_state; ON releases everything below
	struct ledger ledger;
	struct storage storage; // of this ledger, and of those of forked children
	int only_pid;       // the only process to be profiled; 0: all
	struct rules rules;
	struct lanes lanes;
	_Atomic uint32_t is_gate_closed;
	_Atomic uint64_t rate_bytes;      // in force
	uint64_t seed;                    // of the samplers
	bool is_seed_given;
	_Atomic uint32_t num_threads;     // seeded so far
	uintptr_t own_start, own_limit;   // cairn's own code
	_Atomic uint64_t growth_limit;    // live bytes, fixed point, at which growth_reached() is called
	void (*growth_reached)(void);
	// Called for each walk if the stacks are to be compared with libunwind's.
	void (*verify)(struct ledger *ledger, const struct walk *walk, const struct origin *origin);
	// Called in a child when it has got its own ledger.
	void (*adopted)(void);
	// A page that the kernel empties in a forked child: 1 in the process that set it up.
	_Atomic uint32_t *is_same_process;
	struct ledger_snapshot snapshot; // in a child until it has its own ledger
	_Atomic uint32_t adopting;       // tid of the child's thread that is making one
};

extern struct profiler profiler __attribute__((visibility("hidden")));

// Set up: implemented where the configuration is known (control/start.c).
void profiler_start(void);

// True if events are to be recorded; sets up at the first call.
static inline bool profiler_is_on(void)
{
	// Acquire: pairs with the release in profiler_start().
	uint32_t state = atomic_load_explicit(&profiler.state, memory_order_acquire);
	if (__builtin_expect(state == PROFILER_NEW, 0)) {
		profiler_start();
		state = atomic_load_explicit(&profiler.state, memory_order_acquire);
	}
	return state == PROFILER_ON;
}

// False in a forked child until it has a ledger of its own.
static inline bool profiler_has_ledger(void)
{
	// Acquire: pairs with the release in profiler_adopt().
	return atomic_load_explicit(profiler.is_same_process, memory_order_acquire) == 1;
}

static inline bool profiler_is_gate_closed(void)
{
	return atomic_load_explicit(&profiler.is_gate_closed, memory_order_seq_cst);
}

// False in a forked child that is not to be profiled.
static inline bool profiler_is_wanted_here(void)
{
	return !profiler.only_pid || profiler.only_pid == system_pid();
}

// Pages of flags that are not used yet shall take no memory.
void profiler_init_shadow(void);
// Say in the ledger where they are.
void profiler_note_own_memory(void);
// A page that is empty in forked children.  Where the kernel (before 4.14) has none, only fork() itself is
// noticed.
void profiler_init_fork_page(void);

// An event under way, in the stack frame of the function that records it.
struct event {
	volatile uint64_t cookie;
	struct lane *lane;
};

// Begin an event.  False: this one cannot be recorded, and has been counted.
bool profiler_enter(struct event *event);
void profiler_leave(struct event *event);

// Go on in another lane, which another thread may be using now.  False if it was not to be had: the event goes on in
// the lane that it was in, or if that is taken meanwhile, in any other one.
bool profiler_change_lane(struct event *event, uint32_t lane);

// Keep everybody out and wait until nobody is inside, a second for each at most.
void profiler_close_gate(void);
void profiler_open_gate(void);

// In a process that was forked: give it a ledger of its own, if that has not been done.  False while
// it has none; then nothing can be recorded.
bool profiler_adopt(void);

// In the child of fork(), before anything else: forget what the parent's threads were doing.
void profiler_after_fork(void);

// What is_own is for: no allocation in between counts as the program's.
static inline bool profiler_begin_own(void)
{
	bool before = thread.is_own;
	thread.is_own = true;
	return before;
}

static inline void profiler_end_own(bool before)
{
	thread.is_own = before;
}

#endif
