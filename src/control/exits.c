// SPDX-License-Identifier: Apache-2.0
// Exits: what is noted, and dumped, of a program that ends by itself.  INSIDE.
#include "control/exits.h"

#include <stdatomic.h>
#include <stddef.h>

#include "base/system.h"
#include "control/dump.h"
#include "shim/profiler.h"
#include "shim/real.h"

#define EXPORT __attribute__((visibility("default")))

extern int on_exit(void (*function)(int status, void *argument), void *argument) __attribute__((weak));
extern int __cxa_atexit(void (*function)(void *), void *argument, void *library) __attribute__((weak));
extern int __cxa_at_quick_exit(void (*function)(void *), void *library) __attribute__((weak));

#define NO_STATUS (-1) // not known

static _Atomic bool has_ended;

// A forked child that recorded nothing has nothing to tell, and one of vfork() is not even a process of
// its own: it borrows its parent's memory.
static bool is_this_process(void)
{
	return atomic_load_explicit(&profiler.state, memory_order_acquire) == PROFILER_ON &&
	       profiler_has_ledger() && dump_get_pid() == system_pid();
}

static void end(const char *why, int status)
{
	if (!is_this_process() || atomic_exchange_explicit(&has_ended, true, memory_order_relaxed))
		return;
	struct ledger_header *header = profiler.ledger.header;
	atomic_store_explicit(&header->end_time_ns, system_clock_ns(CLOCK_REALTIME), memory_order_relaxed);
	atomic_store_explicit(&header->late_ticks, system_ticks(), memory_order_relaxed);
	atomic_store_explicit(&header->late_clock_ns, system_clock_ns(CLOCK_MONOTONIC), memory_order_relaxed);
	if (status != NO_STATUS) {
		atomic_store_explicit(&header->end_status, status & 0xff, memory_order_relaxed);
		// Release: whoever sees the end sees its status.
		atomic_store_explicit(&header->end, LEDGER_END_EXIT, memory_order_release);
	}
	dump_write_last(why);
}

static void on_exit_with(int status, void *unused)
{
	(void)unused;
	end("exit", status);
}

static void at_exit(void *unused)
{
	(void)unused;
	end("exit", NO_STATUS);
}

void exits_init(void)
{
	if (&on_exit)
		on_exit(on_exit_with, NULL);
	else if (&__cxa_atexit)
		__cxa_atexit(at_exit, NULL, NULL);
	if (&__cxa_at_quick_exit)
		__cxa_at_quick_exit(at_exit, NULL);
}

void exits_after_fork(void)
{
	atomic_store_explicit(&has_ended, false, memory_order_relaxed);
}

EXPORT __attribute__((noreturn)) void _exit(int status)
{
	real_resolve();
	end("_exit", status);
	real._exit(status);
	__builtin_unreachable();
}

EXPORT __attribute__((noreturn)) void _Exit(int status)
{
	real_resolve();
	end("_Exit", status);
	real._Exit(status);
	__builtin_unreachable();
}
