// SPDX-License-Identifier: Apache-2.0
// Exits: the last dump of a program that ends by itself.  INSIDE.
#include "control/exits.h"

#include <stdatomic.h>
#include <stddef.h>

#include "base/system.h"
#include "control/dump.h"
#include "shim/profiler.h"
#include "shim/real.h"

#define EXPORT __attribute__((visibility("default")))

extern int __cxa_atexit(void (*function)(void *), void *argument, void *library) __attribute__((weak));
extern int __cxa_at_quick_exit(void (*function)(void *), void *library) __attribute__((weak));

static _Atomic bool has_dumped;

// A forked child that recorded nothing has nothing to tell, and one of vfork() is not even a process of
// its own: it borrows its parent's memory.
static bool is_this_process(void)
{
	return atomic_load_explicit(&profiler.state, memory_order_acquire) == PROFILER_ON &&
	       profiler_has_ledger() && dump_get_pid() == system_pid();
}

static void dump_last(const char *why)
{
	if (is_this_process() && !atomic_exchange_explicit(&has_dumped, true, memory_order_relaxed))
		dump_write_last(why);
}

static void at_exit(void *unused)
{
	(void)unused;
	dump_last("exit");
}

void exits_init(void)
{
	if (&__cxa_atexit)
		__cxa_atexit(at_exit, NULL, NULL);
	if (&__cxa_at_quick_exit)
		__cxa_at_quick_exit(at_exit, NULL);
}

void exits_after_fork(void)
{
	atomic_store_explicit(&has_dumped, false, memory_order_relaxed);
}

EXPORT __attribute__((noreturn)) void _exit(int status)
{
	real_resolve();
	dump_last("_exit");
	real._exit(status);
	__builtin_unreachable();
}

EXPORT __attribute__((noreturn)) void _Exit(int status)
{
	real_resolve();
	dump_last("_Exit");
	real._Exit(status);
	__builtin_unreachable();
}
