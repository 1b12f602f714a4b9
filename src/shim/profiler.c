// SPDX-License-Identifier: Apache-2.0
// Profiler: the state of profiling in this process, and the gate to it.  INSIDE.
#include "shim/profiler.h"

#include <string.h>

#include "base/system.h"
#include "shim/shadow.h"

#define MAX_LANES_ASKED 8 // whether their owners are gone

struct profiler profiler;
_Thread_local struct thread thread __attribute__((tls_model("initial-exec")));
_Atomic uint8_t shadow[SHADOW_BYTES] __attribute__((aligned(4096)));

bool profiler_init_lanes(void)
{
	system_call3(SYS_madvise, (long)shadow, SHADOW_BYTES, MADV_NOHUGEPAGE);
	profiler.lanes = system_map(PROFILER_NUM_LANES * sizeof(struct lane));
	return profiler.lanes != NULL;
}

void profiler_note_own_memory(void)
{
	profiler.ledger.header->own_start = (uint64_t)profiler.lanes;
	profiler.ledger.header->own_limit = (uint64_t)(profiler.lanes + PROFILER_NUM_LANES);
}

void profiler_init_fork_page(void)
{
	static _Atomic uint32_t always = 1;
	profiler.is_same_process = system_map(4096);
	if (!profiler.is_same_process || system_call3(SYS_madvise, (long)profiler.is_same_process, 4096, MADV_WIPEONFORK) != 0) {
		profiler.is_same_process = &always;
		return;
	}
	atomic_store_explicit(profiler.is_same_process, 1, memory_order_relaxed);
}

// Is this the child of vfork(), which has everything in common with its parent but the process?
static bool is_guest(void)
{
	return profiler_has_ledger() && profiler.ledger.header->pid != (uint32_t)system_pid();
}

// A thread of the process that profiling is of.
static bool is_gone(uint32_t tid)
{
	uint32_t pid = profiler_has_ledger() ? profiler.ledger.header->pid : (uint32_t)system_pid();
	return !(tid & (LANE_IS_MENDED | THREAD_IS_GUEST)) && system_call3(SYS_tgkill, pid, tid, 0) == -3 /* ESRCH */;
}

// Is this thread within an event, which a signal handler interrupted?  One that was left by longjmp() from
// the handler is over: its stack frame, and the cookie in it, have been overwritten, or will be soon.
static bool is_inside(const struct event *next)
{
	uintptr_t at = thread.inside_at;
	return at && at != (uintptr_t)&next->cookie && system_can_read(at) &&
	       *(const volatile uint64_t *)at == thread.inside_cookie;
}

static uint32_t num_lanes_used(void)
{
	// Sequentially consistent: it grows between a lane's being taken and the look at the gate.
	uint32_t num_lanes = atomic_load(&profiler.ledger.header->num_lanes);
	return num_lanes < PROFILER_NUM_LANES ? num_lanes : PROFILER_NUM_LANES;
}

// Take a lane if nobody holds it.
static inline __attribute__((always_inline)) bool take_lane(struct lane *lane, uint32_t self)
{
	uint32_t nobody = 0;
	// Sequentially consistent, as is the gate: either we see it closed, or who closed it sees us.
	return atomic_load_explicit(&lane->holder, memory_order_relaxed) == 0 &&
	       atomic_compare_exchange_strong_explicit(&lane->holder, &nobody, self, memory_order_seq_cst, memory_order_relaxed);
}

static void give_lane(struct lane *lane)
{
	// Pairs with the loads in profiler_close_gate(): who sees the lane free sees what was recorded.
	atomic_store_explicit(&lane->holder, 0, memory_order_release);
}

static inline bool is_gate_closed(void)
{
	return atomic_load_explicit(&profiler.is_gate_closed, memory_order_seq_cst);
}

// A lane that its holder left in the middle of an event: what it has half changed is not to be relied on.
static void mend_lane(struct lane *lane)
{
	walk_forget(&lane->walks);
	lane->num_known = 0;
	if (lane->leaves)
		memset(lane->leaves, 0, LANE_NUM_LEAVES * sizeof(*lane->leaves));
	ledger_writer_mend(&lane->writer);
	give_lane(lane);
}

// That of a thread that is gone, if it ended in the middle of an event: holder is its tid.  Of several that come to it
// one mends it.
static void mend_lane_of(struct lane *lane, uint32_t holder)
{
	if (holder && atomic_compare_exchange_strong(&lane->holder, &holder, thread.tid | LANE_IS_MENDED))
		mend_lane(lane);
}

// Those that this thread holds from an event that it has left: one, or none if it was left between two lanes.
static void mend_own_lanes(void)
{
	for (unsigned i = 0; thread.tid && i < num_lanes_used(); i++)
		if (atomic_load_explicit(&profiler.lanes[i].holder, memory_order_relaxed) == thread.tid)
			mend_lane(&profiler.lanes[i]);
}

// Those of threads that are gone.
static void mend_lost_lanes(void)
{
	for (unsigned i = 0; i < num_lanes_used(); i++) {
		uint32_t holder = atomic_load_explicit(&profiler.lanes[i].holder, memory_order_relaxed);
		if (holder && is_gone(holder))
			mend_lane_of(&profiler.lanes[i], holder);
	}
}

static void begin_lane(struct lane *lane, unsigned number)
{
	ledger_writer_init(&lane->writer, &profiler.ledger, number);
	if (lane->leaves || atomic_load_explicit(&profiler.rate_bytes, memory_order_relaxed) != 1)
		return;
	lane->leaves = system_map(LANE_NUM_LEAVES * sizeof(*lane->leaves));
	lane->walks.branches = system_map(sizeof(*lane->walks.branches));
}

static void end_lane(struct lane *lane)
{
	lane->num_known = lane->walks.trail.num_kept = 0;
	ledger_writer_deinit(&lane->writer);
	system_unmap(lane->leaves, LANE_NUM_LEAVES * sizeof(*lane->leaves));
	system_unmap(lane->walks.branches, sizeof(*lane->walks.branches));
	lane->leaves = NULL;
	lane->walks.branches = NULL;
}

// Take the lane of that number, if nobody holds it and the gate is open.
static bool take_numbered(unsigned number, struct lane **taken)
{
	struct lane *lane = &profiler.lanes[number];
	if (is_gate_closed() || !take_lane(lane, thread.tid))
		return false;
	if (!lane->writer.ledger)
		begin_lane(lane, number);
	if (is_gate_closed()) {
		give_lane(lane);
		return false;
	}
	thread.lane = (uint16_t)number;
	*taken = lane;
	return true;
}

// Wait for a lane, this thread's or any other one; NULL if there is none for a second.
static __attribute__((noinline)) struct lane *wait_for_lane(void)
{
	struct lane *lane;
	for (int tries = 0; tries < 1000; tries++) {
		for (unsigned i = 0; i < PROFILER_NUM_LANES; i++)
			if (take_numbered((thread.lane + i) % PROFILER_NUM_LANES, &lane))
				return lane;
		if (is_gate_closed())
			system_wait(&profiler.is_gate_closed, 1, 1000000);
		else if (tries == 4)
			return NULL;
		else if (tries == 3)
			mend_lost_lanes();
		else
			system_yield();
	}
	return NULL;
}

bool profiler_change_lane(struct event *event, uint32_t number)
{
	_Atomic uint32_t *holder = &profiler.lanes[number].holder;
	give_lane(event->lane);
	for (int i = 0; i < 1000; i++) {
		if (take_numbered(number, &event->lane))
			return true;
		if (is_gate_closed())
			system_wait(&profiler.is_gate_closed, 1, 1000000);
		else if (i < 500)
			i % 10 == 9 ? system_yield() : system_relax();
		else // a millisecond, as nobody wakes us: the holder has been put to sleep
			system_wait(holder, atomic_load_explicit(holder, memory_order_relaxed), 1000000);
		if (i == 900)
			mend_lost_lanes();
	}
	event->lane = wait_for_lane();
	return false;
}

// Give this thread a lane of its own, if there is one: that of a thread that is gone, or a new one.
static void choose_lane(void)
{
	static _Atomic uint32_t num_choices; // a count, orders nothing
	uint32_t num_used = num_lanes_used(), self = thread.tid = (uint32_t)system_tid();
	uint32_t start = atomic_fetch_add_explicit(&num_choices, 1, memory_order_relaxed);
	if (is_guest()) {
		thread.tid |= THREAD_IS_GUEST;
		thread.lane = (uint16_t)(start % PROFILER_NUM_LANES);
		return;
	}
	for (uint32_t i = 0; i < num_used && i < MAX_LANES_ASKED; i++) {
		struct lane *lane = &profiler.lanes[(start + i) % num_used];
		uint32_t owner = atomic_load_explicit(&lane->owner, memory_order_relaxed);
		bool is_free = owner == 0 || owner == self || is_gone(owner);
		if (is_free && atomic_compare_exchange_strong_explicit(&lane->owner, &owner, self, memory_order_relaxed, memory_order_relaxed)) {
			thread.lane = (uint16_t)((start + i) % num_used);
			mend_lane_of(lane, owner);
			return;
		}
	}
	for (uint32_t i = num_used; i < PROFILER_NUM_LANES; i++) {
		uint32_t nobody = 0;
		if (atomic_compare_exchange_strong_explicit(&profiler.lanes[i].owner, &nobody, self, memory_order_relaxed, memory_order_relaxed)) {
			thread.lane = (uint16_t)i;
			return;
		}
	}
	thread.lane = (uint16_t)(start % PROFILER_NUM_LANES);
}

// What is rarely true at the beginning of an event.  False: it cannot be recorded.
static __attribute__((noinline)) bool prepare(struct event *event)
{
	if (thread.is_own)
		return false;
	if (thread.inside_at) {
		if (is_inside(event)) {
			ledger_count(&profiler.ledger, LEDGER_COUNTER_reentered, 1);
			return false;
		}
		mend_own_lanes();
		thread.inside_at = 0;
	}
	if (!profiler_adopt())
		return false;
	if (!thread.tid)
		choose_lane();
	return true;
}

bool profiler_enter(struct event *event)
{
	event->cookie = 0;
	if (__builtin_expect(thread.is_own || thread.inside_at || !thread.tid || !profiler_has_ledger(), 0) && !prepare(event))
		return false;
	thread.inside_cookie += UINT64_C(0x9e3779b97f4a7c15); // another one at each event of the thread
	event->cookie = thread.inside_cookie;
	thread.inside_at = (uintptr_t)&event->cookie;
	// The handler of a signal that comes from now on sees inside_at.
	atomic_signal_fence(memory_order_seq_cst);
	struct lane *lane = &profiler.lanes[thread.lane];
	event->lane = lane;
	// Nearly always it is this thread's, and has been before.
	if (__builtin_expect(lane->writer.ledger && take_lane(lane, thread.tid), 1)) {
		if (__builtin_expect(!is_gate_closed(), 1))
			return true;
		give_lane(lane);
	}
	event->lane = wait_for_lane();
	if (event->lane)
		return true;
	ledger_count(&profiler.ledger, LEDGER_COUNTER_contended, 1);
	thread.inside_at = 0;
	return false;
}

void profiler_leave(struct event *event)
{
	if (event->lane) // none was to be had at a change of lanes
		give_lane(event->lane);
	atomic_signal_fence(memory_order_seq_cst);
	thread.inside_at = 0;
	event->cookie = 0;
}

void profiler_close_gate(void)
{
	uint32_t self = thread.tid; // 0: it has never been inside
	atomic_store_explicit(&profiler.is_gate_closed, 1, memory_order_seq_cst);
	for (unsigned i = 0; i < num_lanes_used(); i++) {
		_Atomic uint32_t *holder = &profiler.lanes[i].holder;
		uint32_t tid;
		int64_t deadline = 0;
		while ((tid = atomic_load_explicit(holder, memory_order_seq_cst)) && tid != self) {
			int64_t now = system_clock_ns(CLOCK_MONOTONIC);
			deadline = deadline ? deadline : now + 1000000000;
			if (now > deadline)
				break;
			if (is_gone(tid))
				mend_lane_of(&profiler.lanes[i], tid);
			system_yield();
		}
	}
}

void profiler_open_gate(void)
{
	atomic_store_explicit(&profiler.is_gate_closed, 0, memory_order_seq_cst);
	system_wake(&profiler.is_gate_closed);
}

void profiler_after_fork(void)
{
	for (unsigned i = 0; i < num_lanes_used(); i++) {
		atomic_store_explicit(&profiler.lanes[i].holder, 0, memory_order_relaxed);
		atomic_store_explicit(&profiler.lanes[i].owner, 0, memory_order_relaxed);
	}
	atomic_store_explicit(&profiler.is_gate_closed, 0, memory_order_relaxed);
	// The kernel may know of no page that it empties.
	atomic_store_explicit(profiler.is_same_process, 0, memory_order_relaxed);
	rules_after_fork(&profiler.rules);
	thread.tid = 0;
	// fork() in a signal handler that interrupted an event: the event goes on when the handler returns.
	if (thread.inside_at)
		ledger_make_private(&profiler.ledger);
	profiler.verify = NULL; // libunwind's locks may be held by threads that are not here
	if (profiler.is_seed_given)
		return;
	profiler.seed ^= system_ticks() ^ (uint64_t)system_pid() << 32;
	thread.is_seeded = false;
}

bool profiler_adopt(void)
{
	if (__builtin_expect(profiler_has_ledger(), 1))
		return true;
	if (!profiler_is_wanted_here()) {
		atomic_store_explicit(&profiler.state, PROFILER_OFF, memory_order_relaxed);
		return false;
	}
	uint32_t self = (uint32_t)system_tid(), nobody = 0;
	if (thread.inside_at) // the interrupted event still works on the ledger that there is
		return false;
	if (!atomic_compare_exchange_strong(&profiler.adopting, &nobody, self)) {
		// The holder is another thread of this child, or a thread of the parent at the time of a raw clone.
		if (nobody == self || !is_gone(nobody) || !atomic_compare_exchange_strong(&profiler.adopting, &nobody, self))
			return false;
	}
	struct ledger own;
	if (!profiler.snapshot.memory) {
		// A raw clone(): nobody told us, so the snapshot is of now instead of then.
		profiler_after_fork();
		if (!ledger_snapshot_init(&profiler.snapshot, &profiler.ledger))
			ledger_snapshot_deinit(&profiler.snapshot);
	}
	bool is_done = ledger_copy(&own, &profiler.ledger, profiler.snapshot.memory ? &profiler.snapshot : NULL,
				   &profiler.storage);
	if (is_done) {
		uint32_t num_lanes = num_lanes_used();
		ledger_destroy(&profiler.ledger);
		ledger_snapshot_deinit(&profiler.snapshot);
		profiler.ledger = own;
		profiler_note_own_memory();
		rules_after_adoption(&profiler.rules, (uint32_t)ledger_num_used(&own, LEDGER_MAPPINGS));
		for (unsigned i = 0; i < num_lanes; i++)
			end_lane(&profiler.lanes[i]);
		profiler.adopted();
		atomic_store_explicit(profiler.is_same_process, 1, memory_order_release);
	}
	atomic_store_explicit(&profiler.adopting, 0, memory_order_release);
	return is_done;
}
