// SPDX-License-Identifier: Apache-2.0
// Forks: what happens to the profiler around fork().  INSIDE.
#include "control/forks.h"

#include <stdatomic.h>
#include <stddef.h>

#include "base/system.h"
#include "control/dump.h"
#include "control/exits.h"
#include "control/helper.h"
#include "control/signals.h"
#include "shim/profiler.h"

// What pthread_atfork() calls; a library that is loaded before libc has no other way to it.
extern int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void), void *library)
	__attribute__((weak));

// What is true of this thread's fork() while it is under way.
static _Thread_local struct {
	bool had_ledger;   // at its beginning
	bool has_snapshot; // that was taken for its child
} forking __attribute__((tls_model("initial-exec")));
static _Atomic uint32_t forking_tid; // thread that took the snapshot, until its fork() is done

// Two threads may fork at once, and there is one snapshot.  A thread that waits too long for the other
// forks without: its child then copies what the ledger is when it comes to need one.
static bool lock(void)
{
	uint32_t self = (uint32_t)system_tid();
	for (int i = 0; i < 1000; i++) {
		uint32_t holder = 0;
		if (atomic_compare_exchange_strong_explicit(&forking_tid, &holder, self, memory_order_acquire,
							    memory_order_relaxed))
			return true;
		if (holder == self) // fork() in a signal handler that interrupted one
			return false;
		system_wait(&forking_tid, holder, 1000000);
	}
	return false;
}

static void unlock(void)
{
	// Pairs with the acquire in lock().
	atomic_store_explicit(&forking_tid, 0, memory_order_release);
	system_wake(&forking_tid);
}

static void before(void)
{
	forking.had_ledger = profiler_has_ledger();
	forking.has_snapshot = forking.had_ledger && lock();
	if (!forking.has_snapshot)
		return;
	profiler_close_gate();
	if (!ledger_snapshot_init(&profiler.snapshot, &profiler.ledger))
		ledger_snapshot_deinit(&profiler.snapshot);
	profiler_open_gate();
}

static void in_parent(void)
{
	if (!forking.has_snapshot)
		return;
	forking.has_snapshot = false;
	ledger_snapshot_deinit(&profiler.snapshot);
	unlock();
}

static void in_child(void)
{
	// Without a ledger, this one's parent had only a snapshot itself, which is handed on.
	if (forking.had_ledger && !forking.has_snapshot)
		profiler.snapshot = (struct ledger_snapshot){ 0 }; // at best another thread's
	forking.has_snapshot = false;
	atomic_store_explicit(&forking_tid, 0, memory_order_relaxed);
	profiler_after_fork();
	dump_init();
	exits_after_fork();
	signals_after_fork();
	if (profiler_is_wanted_here()) {
		helper_init();
		return;
	}
	signals_deinit();
	ledger_snapshot_deinit(&profiler.snapshot);
	atomic_store_explicit(&profiler.state, PROFILER_OFF, memory_order_relaxed);
}

void forks_init(void)
{
	if (&__register_atfork)
		__register_atfork(before, in_parent, in_child, NULL);
}
