// SPDX-License-Identifier: Apache-2.0
// Watching: snapshots of a process's live blocks, taken at fixed moments.  OUTSIDE.
#include "cli/leaks_growth_watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/system.h"
#include "cli/command.h"
#include "target/process.h"

#define SECOND INT64_C(1000000000)
#define SHOWN_EVERY (SECOND / 2)

static _Atomic uint64_t num_unit_signals;
static _Atomic bool is_interrupted;
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "counted by a signal handler");

static void count_unit(int number)
{
	(void)number;
	atomic_fetch_add_explicit(&num_unit_signals, 1, memory_order_relaxed);
}

static void interrupt(int number)
{
	(void)number;
	atomic_store_explicit(&is_interrupted, true, memory_order_relaxed);
}

static const int ends[] = { SIGINT, SIGTERM }; // of the watching
#define NUM_ENDS 2

struct signals {
	struct sigaction before[NUM_ENDS];
	sigset_t while_waiting;
};

static void count_units(int unit_signal)
{
	const struct sigaction action = { .sa_handler = count_unit, .sa_flags = SA_RESTART };
	sigset_t units;
	sigemptyset(&units);
	sigaddset(&units, unit_signal);
	sigaction(unit_signal, &action, NULL);
	sigprocmask(SIG_UNBLOCK, &units, NULL);
}

// Those that end the watching are only let in while it waits, so that none comes between the look for it and the sleep.
static void handle_ends(struct signals *signals)
{
	const struct sigaction action = { .sa_handler = interrupt, .sa_flags = SA_RESTART };
	sigset_t blocked;
	sigemptyset(&blocked);
	for (int i = 0; i < NUM_ENDS; i++) {
		sigaddset(&blocked, ends[i]);
		if (sigaction(ends[i], NULL, &signals->before[i]) == 0 && signals->before[i].sa_handler != SIG_IGN)
			sigaction(ends[i], &action, NULL);
	}
	sigprocmask(SIG_BLOCK, &blocked, &signals->while_waiting);
	for (int i = 0; i < NUM_ENDS; i++)
		sigdelset(&signals->while_waiting, ends[i]);
}

// From now on they end the program, as names may take long to find; one that came too late for the watching does not.
static void restore_ends(const struct signals *signals)
{
	sigprocmask(SIG_SETMASK, &signals->while_waiting, NULL);
	for (int i = 0; i < NUM_ENDS; i++)
		sigaction(ends[i], &signals->before[i], NULL);
}

struct waiting {
	int process; // a descriptor of it; -1: it has ended, or this kernel has none
	pid_t pid;
	struct signals signals;
	int64_t start_ns, limit_ns; // of what progress is shown
	const char *what;
};

static void show(const struct waiting *waiting, int64_t now_ns)
{
	int64_t done_ns = now_ns - waiting->start_ns, all_ns = waiting->limit_ns - waiting->start_ns;
	command_show_progress(waiting->what, (size_t)(done_ns / SECOND), (size_t)((all_ns + SECOND - 1) / SECOND));
}

// WATCHING_DONE: the moment has come.
static enum watching_end wait_until(const struct waiting *waiting, int64_t moment_ns)
{
	for (;;) {
		int64_t now_ns = system_clock_ns(CLOCK_MONOTONIC), left_ns = moment_ns - now_ns;
		struct pollfd process = { .fd = waiting->process, .events = POLLIN };
		if (atomic_load_explicit(&is_interrupted, memory_order_relaxed))
			return WATCHING_INTERRUPTED;
		if (left_ns <= 0)
			return WATCHING_DONE;
		show(waiting, now_ns);
		left_ns = left_ns < SHOWN_EVERY ? left_ns : SHOWN_EVERY;
		const struct timespec timeout = { left_ns / SECOND, left_ns % SECOND };
		if (ppoll(&process, 1, &timeout, &waiting->signals.while_waiting) > 0 || !process_is_alive(waiting->pid))
			return WATCHING_GONE;
	}
}

struct collection {
	struct watch_block *blocks;
	size_t num_blocks;
};

static bool collect(void *context, const struct target_block *block)
{
	struct collection *collection = context;
	collection->blocks = memory_grow(collection->blocks, collection->num_blocks, sizeof(*collection->blocks));
	collection->blocks[collection->num_blocks++] = (struct watch_block){
		.address = block->address,
		.size_bytes = block->size_bytes,
		.weight = (double)block->weight / LEDGER_ONE,
		.birth = (uint32_t)(block->birth_ticks / LEDGER_BIRTH_TICKS),
		.site = block->site,
	};
	return true;
}

// What the ledger counts at one moment.
struct counts {
	uint64_t start_ticks, num_units, num_signals, num_untracked, num_lost;
};

static struct counts get_counts(const struct target *target)
{
	const struct ledger *ledger = target_ledger(target);
	return (struct counts){
		.start_ticks = ledger->header->start_ticks,
		.num_units = atomic_load_explicit(&ledger->header->num_units, memory_order_relaxed),
		.num_signals = atomic_load_explicit(&num_unit_signals, memory_order_relaxed),
		.num_untracked = ledger_get_count(ledger, LEDGER_COUNTER_untracked_objects),
		.num_lost = read_num_lost(ledger),
	};
}

// A ledger in a file is there for longer than its process has it, which may have executed another program.
static bool refresh(struct target *target, struct error *error)
{
	return target_refresh(target, error) &&
	       (target_pid(target) || error_set(error, "has this ledger no more (did it execute another program?)"));
}

// The moment is that at which all is read: no block of a snapshot is younger.
static bool take_snapshot(struct watch *watch, struct target *target, struct counts *counts, struct error *error)
{
	struct collection collection = { .blocks = memory_grow(NULL, 0, sizeof(*collection.blocks)) };
	if (!refresh(target, error) || !target_read_blocks(target, UINT64_MAX, collect, &collection, error)) {
		free(collection.blocks);
		return false;
	}
	*counts = get_counts(target);
	watch_add(watch, collection.blocks, collection.num_blocks, system_ticks() - counts->start_ticks);
	return true;
}

static uint32_t get_num_intervals(const struct leaks_request *request)
{
	int64_t interval_ns = request->interval_ns ? request->interval_ns : request->growth_ns / 10;
	int64_t num = interval_ns > 0 ? (request->growth_ns + interval_ns / 2) / interval_ns : 1;
	return num < 1 ? 1 : num < WATCH_MAX_SNAPSHOTS ? (uint32_t)num : WATCH_MAX_SNAPSHOTS - 1;
}

// The first and the last counts differ by what happened in between.
static void note_counts(struct watching *watching, const struct counts *first, const struct counts *last, int unit_signal)
{
	watching->num_units = unit_signal ? last->num_signals - first->num_signals : last->num_units - first->num_units;
	watching->num_untracked = last->num_untracked - first->num_untracked;
	watching->num_lost = last->num_lost - first->num_lost;
}

static bool take_snapshots(struct watching *watching, struct target *target, const struct leaks_request *request,
			   struct waiting *waiting, struct error *error)
{
	uint32_t num_intervals = watching->watch.num_planned - 1;
	struct counts first, now;
	waiting->what = "s watched";
	waiting->start_ns = system_clock_ns(CLOCK_MONOTONIC);
	waiting->limit_ns = waiting->start_ns + request->growth_ns;
	if (!take_snapshot(&watching->watch, target, &first, error))
		return false;
	for (uint32_t i = 1; i <= num_intervals; i++) {
		double share = (double)i / num_intervals;
		struct error ignored;
		watching->end = wait_until(waiting, waiting->start_ns + (int64_t)(share * (double)request->growth_ns));
		if (watching->end != WATCHING_DONE && watching->end != WATCHING_INTERRUPTED)
			return true;
		if (!take_snapshot(&watching->watch, target, &now, &ignored)) {
			watching->end = process_is_alive(waiting->pid) ? WATCHING_LOST : WATCHING_GONE;
			return true;
		}
		if (now.start_ticks != first.start_ticks)
			return error_set(error, "executed another program while it was watched");
		note_counts(watching, &first, &now, request->unit_signal);
		if (watching->end != WATCHING_DONE)
			return true;
	}
	return true;
}

// After what --warmup says.
static bool watch_process(struct watching *watching, struct target *target, const struct leaks_request *request,
			  struct waiting *waiting, struct error *error)
{
	waiting->what = "s until the watch begins";
	waiting->start_ns = system_clock_ns(CLOCK_MONOTONIC);
	waiting->limit_ns = waiting->start_ns + request->warmup_ns;
	watching->end = wait_until(waiting, waiting->limit_ns);
	if (watching->end != WATCHING_DONE)
		return error_set(error, "%s: %s before the watch began", request->names[0],
				 watching->end == WATCHING_GONE ? "ended" : "it was not watched: interrupted");
	if (!take_snapshots(watching, target, request, waiting, error))
		return error_prefix(error, request->names[0]);
	return watching->watch.num_snapshots > 1 ||
	       error_set(error, "%s: %s before a second snapshot was taken: growth needs two", request->names[0],
			 watching->end == WATCHING_GONE ? "ended" : "interrupted");
}

bool watching_init(struct watching *watching, struct target *target, const struct leaks_request *request, struct error *error)
{
	pid_t pid = target_pid(target);
	struct waiting waiting = { .pid = pid };
	*watching = (struct watching){ .ticks_per_ns = target_ticks_per_ns(target) };
	if (!pid)
		return error_set(error, "%s: is not running, and so it does not grow", request->names[0]);
	if (!(watching->ticks_per_ns > 0))
		return error_set(error, "%s: the frequency of its clock is not known", request->names[0]);
	if (request->unit_signal)
		count_units(request->unit_signal);
	handle_ends(&waiting.signals);
	waiting.process = (int)syscall(SYS_pidfd_open, pid, 0);
	watch_init(&watching->watch, get_num_intervals(request) + 1, (uint64_t)((double)request->growth_ns * watching->ticks_per_ns));
	bool is_watched = watch_process(watching, target, request, &waiting, error);
	restore_ends(&waiting.signals);
	command_end_progress();
	if (waiting.process >= 0)
		close(waiting.process);
	if (!is_watched)
		watching_deinit(watching);
	return is_watched;
}

void watching_deinit(struct watching *watching)
{
	watch_deinit(&watching->watch);
}
