// SPDX-License-Identifier: Apache-2.0
// Forks: what happens to the profiler around fork().  INSIDE.
#include "control/forks.h"

#include <stdatomic.h>
#include <stddef.h>

#include "control/dump.h"
#include "control/exits.h"
#include "control/helper.h"
#include "shim/profiler.h"

// What pthread_atfork() calls; a library that is loaded before libc has no other way to it.
extern int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void), void *library)
	__attribute__((weak));

// A child that has not needed a ledger hands the snapshot that it was given on to its own children.
static bool has_ledger(void)
{
	return atomic_load_explicit(profiler.is_same_process, memory_order_acquire) == 1;
}

static void before(void)
{
	if (!has_ledger())
		return;
	profiler_close_gate();
	if (!ledger_snapshot_init(&profiler.snapshot, &profiler.ledger))
		ledger_snapshot_deinit(&profiler.snapshot);
	profiler_open_gate();
}

static void in_parent(void)
{
	if (has_ledger())
		ledger_snapshot_deinit(&profiler.snapshot);
}

static void in_child(void)
{
	atomic_store_explicit(profiler.is_same_process, 0, memory_order_relaxed);
	profiler_after_fork();
	dump_init();
	exits_after_fork();
	helper_init();
}

void forks_init(void)
{
	if (&__register_atfork)
		__register_atfork(before, in_parent, in_child, NULL);
}
