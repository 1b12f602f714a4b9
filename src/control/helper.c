// SPDX-License-Identifier: Apache-2.0
// Helper: the thread that dumps on a timer, a signal or growth.  INSIDE.
#include "control/helper.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/system.h"
#include "control/control.h"
#include "control/dump.h"
#include "control/message.h"
#include "shim/profiler.h"
#include "shim/real.h"

#define STACK_BYTES (1024 * 1024) // the program's exit handlers may run on it
#define CLOSE_RANGE_UNSHARE_TABLE 2 // CLOSE_RANGE_UNSHARE of newer headers
// How often to look whether the program's last thread has ended: if the main thread called pthread_exit(), and
// in case it ended in another way.
#define WATCH_NS 20000000
#define SLOW_WATCH_NS 1000000000

static struct {
	_Atomic uint32_t num_wakes; // futex: changes whenever there is something to look at
	_Atomic uint32_t num_requests;
	_Atomic bool is_growth_requested;
	_Atomic bool is_watching; // the main thread ended by pthread_exit()
	bool is_running;
} helper;

static void wake(void)
{
	// Release: what was asked for before is seen after; pairs with the acquire in run().
	atomic_fetch_add_explicit(&helper.num_wakes, 1, memory_order_release);
	system_wake(&helper.num_wakes);
}

void helper_request_dump(void)
{
	atomic_fetch_add_explicit(&helper.num_requests, 1, memory_order_relaxed);
	wake();
}

void helper_request_growth_dump(void)
{
	// Not again before the dump has set a new limit.
	atomic_store_explicit(&profiler.growth_limit, INT64_MAX, memory_order_relaxed);
	atomic_store_explicit(&helper.is_growth_requested, true, memory_order_relaxed);
	wake();
}

// From /proc/self/stat: is the main thread a zombie, and are only it and this thread left?  The state is
// field 3 and the number of threads field 20, behind the name, which ends with the last ')'.
static bool is_alone(void)
{
	char storage[1024];
	long fd = system_call3(SYS_open, (long)"/proc/self/stat", O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return false;
	long length = system_call3(SYS_read, fd, (long)storage, sizeof(storage) - 1);
	system_call3(SYS_close, fd, 0, 0);
	storage[length > 0 ? length : 0] = 0;
	const char *at = strrchr(storage, ')');
	if (!at || at[1] != ' ' || at[2] != 'Z')
		return false;
	for (int field = 2; at && field < 20; field++) {
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	return at && (at[0] == '1' || at[0] == '2') && at[1] == ' ';
}

// A program whose main thread ended before the process ends when its last thread does, as if by exit(0).
// libc counts this thread among them; so it does what the last one would.
static void end_if_alone(void)
{
	if (!is_alone())
		return;
	profiler_end_own(false); // what is freed on the way out is the program's
	exit(0);
}

static int64_t run_timer(int64_t due_ns)
{
	int64_t interval_ns = control.config.interval_ns, now = system_clock_ns(CLOCK_MONOTONIC);
	if (now >= due_ns) {
		dump_write("CAIRN_INTERVAL");
		now = system_clock_ns(CLOCK_MONOTONIC);
		due_ns += interval_ns * ((now - due_ns) / interval_ns + 1);
	}
	return due_ns;
}

// The files of dumps must not take numbers away from the program's own.  So this thread leaves the
// program's table of descriptors for an empty one (from Linux 5.9 on), save stderr where it is needed.
static void leave_descriptors(void)
{
	unsigned last = control.config.is_verbose ? 1 : ~0U;
	system_call3(SYS_close_range, 0, last, CLOSE_RANGE_UNSHARE_TABLE);
	if (control.config.is_verbose)
		system_call3(SYS_close_range, 3, ~0U, 0);
}

static void *run(void *unused)
{
	int64_t due_ns = system_clock_ns(CLOCK_MONOTONIC) + control.config.interval_ns;
	profiler_begin_own();
	leave_descriptors();
	for (;;) {
		// Pairs with the release in wake().
		uint32_t num_wakes = atomic_load_explicit(&helper.num_wakes, memory_order_acquire);
		int64_t timeout_ns = -1;
		for (; atomic_load_explicit(&helper.num_requests, memory_order_relaxed);
		     atomic_fetch_sub_explicit(&helper.num_requests, 1, memory_order_relaxed))
			dump_write("CAIRN_SIGNAL");
		if (atomic_exchange_explicit(&helper.is_growth_requested, false, memory_order_relaxed))
			dump_write("CAIRN_DUMP_GROWTH");
		if (control.config.interval_ns) {
			due_ns = run_timer(due_ns);
			timeout_ns = due_ns - system_clock_ns(CLOCK_MONOTONIC);
			timeout_ns = timeout_ns > 0 ? timeout_ns : 1;
		}
		end_if_alone();
		int64_t watch_ns = atomic_load_explicit(&helper.is_watching, memory_order_relaxed) ? WATCH_NS : SLOW_WATCH_NS;
		if (timeout_ns < 0 || timeout_ns > watch_ns)
			timeout_ns = watch_ns;
		system_wait(&helper.num_wakes, num_wakes, timeout_ns);
	}
	return unused;
}

void helper_init(void)
{
	const struct config *config = &control.config;
	pthread_attr_t attributes;
	pthread_t created;
	memset(&helper, 0, sizeof(helper));
	if (!config->interval_ns && !config->signal && !config->growth_bytes)
		return;
	uint64_t mask = system_block_signals(~UINT64_C(0));
	bool was_own = profiler_begin_own();
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	int error = pthread_create(&created, &attributes, run, NULL);
	pthread_attr_destroy(&attributes);
	if (error) // a program with much thread-local storage
		error = pthread_create(&created, NULL, run, NULL);
	profiler_end_own(was_own);
	system_block_signals(mask);
	helper.is_running = error == 0;
	if (error)
		message_verbose("no thread for dumps on a timer, a signal or growth", NULL);
}

__attribute__((visibility("default"), noreturn)) void pthread_exit(void *result)
{
	real_resolve();
	if (helper.is_running && system_tid() == system_pid()) {
		atomic_store_explicit(&helper.is_watching, true, memory_order_relaxed);
		wake();
	}
	real.pthread_exit(result);
	__builtin_unreachable();
}
