// SPDX-License-Identifier: Apache-2.0
// Lanes: what threads work with while they record an event.  INSIDE.
#include "shim/lanes.h"

#include <string.h>

#include "base/system.h"
#include "shim/profiler.h"

#define NUM_TRIES 1000
#define MAX_LANES_ASKED 8 // whether their owners are gone

// Where few events are recorded lanes need not be many, and each takes some ten pages.
#define SAMPLED_LANES 16

bool lanes_init(struct lanes *lanes, bool is_exact)
{
	size_t lanes_bytes = LEDGER_NUM_LANES * sizeof(*lanes->lane), branches_bytes = LEDGER_NUM_LANES * sizeof(*lanes->branches);
	size_t size_bytes = lanes_bytes + (is_exact ? branches_bytes : 0);
	char *memory = system_map(size_bytes);
	*lanes = (struct lanes){ .lane = (struct lane *)memory, .limit = (uintptr_t)memory + size_bytes };
	if (memory && is_exact)
		lanes->branches = (struct branches *)(memory + lanes_bytes);
	return memory != NULL;
}

uint32_t lanes_num_used(void)
{
	// Sequentially consistent: it grows between a lane's being taken and the look at the gate.
	uint32_t num_lanes = atomic_load(&profiler.ledger.header->num_lanes);
	return num_lanes < LEDGER_NUM_LANES ? num_lanes : LEDGER_NUM_LANES;
}

// Is this the child of vfork(), which has everything in common with its parent but the process?
static bool is_guest(void)
{
	return profiler_has_ledger() && profiler.ledger.header->pid != (uint32_t)system_pid();
}

bool lanes_is_gone(uint32_t tid)
{
	uint32_t pid = profiler_has_ledger() ? profiler.ledger.header->pid : (uint32_t)system_pid();
	return !(tid & (LANE_IS_MENDED | THREAD_IS_GUEST)) && system_call3(SYS_tgkill, pid, tid, 0) == -3 /* ESRCH */;
}

// A lane that its holder left in the middle of an event: what it has half changed is not to be relied on.
static void mend_lane(struct lane *lane)
{
	walk_forget(&lane->walks);
	lane->num_known = 0;
	if (lane->leaves)
		memset(lane->leaves, 0, LANE_NUM_LEAVES * sizeof(*lane->leaves));
	ledger_writer_mend(&lane->writer);
	lane_give(lane);
}

// Of several that come to it one mends it.
void lanes_mend_of(struct lane *lane, uint32_t holder)
{
	if (holder && atomic_compare_exchange_strong(&lane->holder, &holder, thread.tid | LANE_IS_MENDED))
		mend_lane(lane);
}

// One, or none if the event was left between two lanes.
void lanes_mend_own(void)
{
	for (unsigned i = 0; thread.tid && i < lanes_num_used(); i++)
		if (atomic_load_explicit(&profiler.lanes.lane[i].holder, memory_order_relaxed) == thread.tid)
			mend_lane(&profiler.lanes.lane[i]);
}

// Those of threads that are gone.
static void mend_lost_lanes(void)
{
	for (unsigned i = 0; i < lanes_num_used(); i++) {
		uint32_t holder = atomic_load_explicit(&profiler.lanes.lane[i].holder, memory_order_relaxed);
		if (holder && lanes_is_gone(holder))
			lanes_mend_of(&profiler.lanes.lane[i], holder);
	}
}

static void begin_lane(struct lane *lane, unsigned number)
{
	ledger_writer_init(&lane->writer, &profiler.ledger, number);
	if (lane->leaves || atomic_load_explicit(&profiler.rate_bytes, memory_order_relaxed) != 1)
		return;
	lane->leaves = system_map(LANE_NUM_LEAVES * sizeof(*lane->leaves));
	lane->walks.branches = profiler.lanes.branches ? &profiler.lanes.branches[number] : NULL;
}

static void end_lane(struct lane *lane)
{
	lane->num_known = lane->walks.trail.num_kept = 0;
	ledger_writer_deinit(&lane->writer);
	system_unmap(lane->leaves, LANE_NUM_LEAVES * sizeof(*lane->leaves));
	lane->leaves = NULL;
	lane->walks.branches = NULL;
}

// Take the lane of that number, if nobody holds it and the gate is open.
static bool take_numbered(unsigned number, struct lane **taken)
{
	struct lane *lane = &profiler.lanes.lane[number];
	if (profiler_is_gate_closed() || !lane_take(lane, thread.tid))
		return false;
	if (!lane->writer.ledger)
		begin_lane(lane, number);
	if (profiler_is_gate_closed()) {
		lane_give(lane);
		return false;
	}
	thread.lane = (uint16_t)number;
	*taken = lane;
	return true;
}

// A thread that holds the wanted lane works for a microsecond, unless it was put to sleep, has ended, or another one
// closed the gate.
static void wait_a_little(int tries, _Atomic uint32_t *holder)
{
	uint32_t tid = atomic_load_explicit(holder, memory_order_relaxed);
	if (profiler_is_gate_closed())
		system_wait(&profiler.is_gate_closed, 1, 1000000);
	else if (tries < 100)
		tries % 10 == 9 ? system_yield() : system_relax();
	else if (tid) // a millisecond, as nobody wakes us
		system_wait(holder, tid, 1000000);
	if (tries % 400 == 99)
		mend_lost_lanes();
}

struct lane *lanes_wait(void)
{
	struct lane *lane;
	for (int tries = 0; tries < NUM_TRIES; tries++) {
		for (unsigned i = 0; i < LEDGER_NUM_LANES; i++)
			if (take_numbered((thread.lane + i) % LEDGER_NUM_LANES, &lane))
				return lane;
		wait_a_little(tries, &profiler.lanes.lane[thread.lane].holder);
	}
	return NULL;
}

struct lane *lanes_wait_for(uint32_t number)
{
	struct lane *lane;
	for (int tries = 0; tries < NUM_TRIES; tries++) {
		if (take_numbered(number, &lane))
			return lane;
		wait_a_little(tries, &profiler.lanes.lane[number].holder);
	}
	return NULL;
}

void lanes_choose(void)
{
	static _Atomic uint32_t num_choices; // a count, orders nothing
	uint32_t num_used = lanes_num_used(), self = thread.tid = (uint32_t)system_tid();
	uint32_t start = atomic_fetch_add_explicit(&num_choices, 1, memory_order_relaxed);
	if (is_guest()) {
		thread.tid |= THREAD_IS_GUEST;
		thread.lane = (uint16_t)(start % LEDGER_NUM_LANES);
		return;
	}
	for (uint32_t i = 0; i < num_used && i < MAX_LANES_ASKED; i++) {
		struct lane *lane = &profiler.lanes.lane[(start + i) % num_used];
		uint32_t owner = atomic_load_explicit(&lane->owner, memory_order_relaxed);
		bool is_free = owner == 0 || owner == self || lanes_is_gone(owner);
		if (is_free && atomic_compare_exchange_strong_explicit(&lane->owner, &owner, self, memory_order_relaxed, memory_order_relaxed)) {
			thread.lane = (uint16_t)((start + i) % num_used);
			lanes_mend_of(lane, owner);
			return;
		}
	}
	uint32_t num_wanted = profiler.lanes.branches ? LEDGER_NUM_LANES : SAMPLED_LANES;
	for (uint32_t i = num_used; i < num_wanted; i++) {
		uint32_t nobody = 0;
		if (atomic_compare_exchange_strong_explicit(&profiler.lanes.lane[i].owner, &nobody, self, memory_order_relaxed, memory_order_relaxed)) {
			thread.lane = (uint16_t)i;
			return;
		}
	}
	thread.lane = (uint16_t)(start % num_wanted);
}

void lanes_after_fork(void)
{
	for (unsigned i = 0; i < lanes_num_used(); i++) {
		atomic_store_explicit(&profiler.lanes.lane[i].holder, 0, memory_order_relaxed);
		atomic_store_explicit(&profiler.lanes.lane[i].owner, 0, memory_order_relaxed);
	}
}

void lanes_after_adoption(uint32_t num_used)
{
	for (unsigned i = 0; i < num_used; i++)
		end_lane(&profiler.lanes.lane[i]);
}
