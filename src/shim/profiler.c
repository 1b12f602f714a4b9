// SPDX-License-Identifier: Apache-2.0
// Profiler: the state of profiling in this process, and the gate to it.  INSIDE.
#include "shim/profiler.h"

#include "base/system.h"
#include "shim/shadow.h"

struct profiler profiler;
_Thread_local struct thread thread __attribute__((tls_model("initial-exec")));
_Atomic uint8_t shadow[SHADOW_BYTES] __attribute__((aligned(4096)));

void profiler_init_shadow(void)
{
	system_call3(SYS_madvise, (long)shadow, SHADOW_BYTES, MADV_NOHUGEPAGE);
}

void profiler_note_own_memory(void)
{
	profiler.ledger.header->own_start = (uint64_t)profiler.lanes.lane;
	profiler.ledger.header->own_limit = profiler.lanes.limit;
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

// Is this thread within an event, which a signal handler interrupted?  One that was left by longjmp() from
// the handler is over: its stack frame, and the cookie in it, have been overwritten, or will be soon.
static bool is_inside(const struct event *next)
{
	uintptr_t at = thread.inside_at;
	return at && at != (uintptr_t)&next->cookie && system_can_read(at) &&
	       *(const volatile uint64_t *)at == thread.inside_cookie;
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
		lanes_mend_own();
		thread.inside_at = 0;
	}
	if (!profiler_adopt())
		return false;
	if (!thread.tid)
		lanes_choose();
	return true;
}

bool profiler_change_lane(struct event *event, uint32_t number)
{
	lane_give(event->lane);
	event->lane = lanes_wait_for(number);
	if (event->lane)
		return true;
	event->lane = lanes_wait();
	return false;
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
	struct lane *lane = &profiler.lanes.lane[thread.lane];
	event->lane = lane;
	// Nearly always it is this thread's, and has been before.
	if (__builtin_expect(lane->writer.ledger && lane_take(lane, thread.tid), 1)) {
		if (__builtin_expect(!profiler_is_gate_closed(), 1))
			return true;
		lane_give(lane);
	}
	event->lane = lanes_wait();
	if (event->lane)
		return true;
	ledger_count(&profiler.ledger, LEDGER_COUNTER_contended, 1);
	thread.inside_at = 0;
	return false;
}

void profiler_leave(struct event *event)
{
	if (event->lane) // none was to be had at a change of lanes
		lane_give(event->lane);
	atomic_signal_fence(memory_order_seq_cst);
	thread.inside_at = 0;
	event->cookie = 0;
}

void profiler_close_gate(void)
{
	uint32_t self = thread.tid; // 0: it has never been inside
	atomic_store_explicit(&profiler.is_gate_closed, 1, memory_order_seq_cst);
	for (unsigned i = 0; i < lanes_num_used(); i++) {
		_Atomic uint32_t *holder = &profiler.lanes.lane[i].holder;
		uint32_t tid;
		int64_t deadline = 0;
		while ((tid = atomic_load_explicit(holder, memory_order_seq_cst)) && tid != self) {
			int64_t now = system_clock_ns(CLOCK_MONOTONIC);
			deadline = deadline ? deadline : now + 1000000000;
			if (now > deadline)
				break;
			if (lanes_is_gone(tid))
				lanes_mend_of(&profiler.lanes.lane[i], tid);
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
	lanes_after_fork();
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
		if (nobody == self || !lanes_is_gone(nobody) || !atomic_compare_exchange_strong(&profiler.adopting, &nobody, self))
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
		uint32_t num_lanes = lanes_num_used();
		ledger_destroy(&profiler.ledger);
		ledger_snapshot_deinit(&profiler.snapshot);
		profiler.ledger = own;
		profiler_note_own_memory();
		rules_after_adoption(&profiler.rules, (uint32_t)ledger_num_used(&own, LEDGER_MAPPINGS));
		lanes_after_adoption(num_lanes);
		profiler.adopted();
		atomic_store_explicit(profiler.is_same_process, 1, memory_order_release);
	}
	atomic_store_explicit(&profiler.adopting, 0, memory_order_release);
	return is_done;
}
