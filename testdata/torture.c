// SPDX-License-Identifier: Apache-2.0
/*
 * Everything at once that has been known to deadlock or crash a heap profiler, for as many seconds as
 * the first argument says: threads that open and close plugins, threads that allocate at random depths
 * and free one another's blocks, short-lived threads, C++ exceptions, forks, and signals (the second
 * argument, 0 for none).  The other arguments are plugins: one that throws, then any that allocate.
 *
 * At the end all is freed but what torture_keep made, and the truth is printed.
 */
#include "truth.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

enum { NUM_SLOTS = 4096, MAX_DEPTH = 150, MAX_PLUGINS = 4, KEEP_BYTES = 40 };

// One thread's part of the truth: what it allocated where.  inuse_* are filled in at the end.
struct tally {
	struct truth allocated;
	struct truth cleared;
	struct truth reallocated;
	struct truth kept;
};

struct worker {
	pthread_t id;
	uint64_t random;
	struct tally tally;
};

static _Atomic(char *) slots[NUM_SLOTS]; // blocks that any thread may take and free
static atomic_bool is_over;
static atomic_long num_forks, num_opened, num_thrown, num_threads;
static const char *throwing_plugin;
static const char *plugins[MAX_PLUGINS];
static int num_plugins;

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

// Mostly small, now and then large.
static size_t random_size(uint64_t *state)
{
	uint64_t random = next_random(state);
	return random % 64 == 0 ? random >> 8 & 0x3ffff : random >> 8 & 0x3ff;
}

SITE static char *torture_allocate(struct tally *tally, size_t size)
{
	char *block = truth_keep(malloc(size));
	truth_add(&tally->allocated, size);
	return block;
}

SITE static char *torture_clear(struct tally *tally, size_t size)
{
	char *block = truth_keep(calloc(1, size));
	truth_add(&tally->cleared, size);
	return block;
}

// realloc to 0 bytes frees in some allocators, so there is always at least one.
SITE static char *torture_reallocate(struct tally *tally, char *old, size_t size)
{
	char *block = truth_keep(realloc(old, size + 1));
	truth_add(&tally->reallocated, size + 1);
	return block;
}

SITE static void torture_keep(struct tally *tally)
{
	truth_keep(malloc(KEEP_BYTES));
	truth_add(&tally->kept, KEEP_BYTES);
}

static void exchange_blocks(struct worker *worker)
{
	_Atomic(char *) *slot = &slots[next_random(&worker->random) % NUM_SLOTS];
	char *taken = atomic_exchange(slot, NULL);
	uint64_t what = next_random(&worker->random) % 8;
	char *block;
	if (what < 2 || (what < 5 && !taken)) {
		free(taken);
		block = torture_allocate(&worker->tally, random_size(&worker->random));
	} else if (what < 3) {
		free(taken);
		block = torture_clear(&worker->tally, random_size(&worker->random));
	} else if (what < 6) {
		block = torture_reallocate(&worker->tally, taken, random_size(&worker->random));
	} else {
		free(taken);
		return;
	}
	free(atomic_exchange(slot, block));
}

SITE static void at_depth(struct worker *worker, int depth)
{
	if (depth > 0)
		at_depth(worker, depth - 1);
	else
		exchange_blocks(worker);
	truth_keep(worker); // a frame that is needed after the call
}

static void *allocate(void *argument)
{
	struct worker *worker = argument;
	for (unsigned i = 0; !is_over; i++) {
		at_depth(worker, (int)(next_random(&worker->random) % MAX_DEPTH));
		if (i % 1000 == 0)
			torture_keep(&worker->tally);
	}
	return NULL;
}

static void *open_and_close(void *argument)
{
	struct worker *worker = argument;
	while (!is_over) {
		void *plugin = dlopen(plugins[next_random(&worker->random) % (unsigned)num_plugins], RTLD_NOW | RTLD_LOCAL);
		if (!plugin)
			abort();
		void *(*run)(size_t) = (void *(*)(size_t))dlsym(plugin, "plugin_run");
		for (int i = 0; i < 20; i++)
			free(run(100));
		dlclose(plugin);
		num_opened++;
	}
	return NULL;
}

static void *throw_and_catch(void *argument)
{
	(void)argument;
	while (!is_over) {
		void *plugin = dlopen(throwing_plugin, RTLD_NOW | RTLD_LOCAL);
		int (*run)(int) = plugin ? (int (*)(int))dlsym(plugin, "throwing_run") : NULL;
		if (!run || run(20) != 20011)
			abort();
		dlclose(plugin);
		num_thrown++;
	}
	return NULL;
}

static void *live_briefly(void *argument)
{
	struct worker *worker = argument;
	for (int i = 0; i < 50; i++)
		exchange_blocks(worker);
	return NULL;
}

static void *start_threads(void *argument)
{
	struct worker *worker = argument;
	while (!is_over) {
		pthread_t thread;
		if (pthread_create(&thread, NULL, live_briefly, worker))
			abort();
		pthread_join(thread, NULL);
		num_threads++;
	}
	return NULL;
}

// Children allocate at once, so that a lock lost in the fork shows.  They open no plugins: glibc itself
// cannot after a fork beside a dlopen.  One in ten leaves by _exit, where it writes a profile.
static void be_child(struct worker *worker, long number)
{
	for (int i = 0; i < 50; i++)
		at_depth(worker, i % 20);
	if (number % 10 == 0)
		_exit(11);
	syscall(SYS_exit_group, 11);
}

static void *fork_children(void *argument)
{
	struct worker *worker = argument;
	while (!is_over) {
		pid_t child = fork();
		if (child == 0)
			be_child(worker, num_forks);
		int status = 0;
		if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 11) {
			dprintf(STDOUT_FILENO, "a child ended with status %x\n", status);
			abort();
		}
		num_forks++;
	}
	return NULL;
}

static void sum(struct truth *sum, const struct truth *part)
{
	sum->alloc_objects += part->alloc_objects;
	sum->alloc_bytes += part->alloc_bytes;
}

static void print_sum(const char *function, const struct worker *workers, int num_workers, size_t offset, bool is_kept)
{
	struct truth total = {.function = function};
	for (int i = 0; i < num_workers; i++)
		sum(&total, (const struct truth *)((const char *)&workers[i].tally + offset));
	if (is_kept) {
		total.inuse_objects = total.alloc_objects;
		total.inuse_bytes = total.alloc_bytes;
	}
	truth_print(&total);
}

// Raises the signal ten times a second until the time is up.
static void raise_signals(int seconds, int signal)
{
	const struct timespec tenth = {.tv_nsec = 100000000};
	for (int i = 0; i < seconds * 10; i++) {
		nanosleep(&tenth, NULL);
		if (signal)
			kill(getpid(), signal);
	}
}

int main(int argc, char **argv)
{
	static void *(*const roles[])(void *) = {
		allocate, allocate, allocate, open_and_close, open_and_close, throw_and_catch, start_threads, fork_children,
	};
	enum { NUM_WORKERS = sizeof(roles) / sizeof(roles[0]) };
	static struct worker workers[NUM_WORKERS];
	if (argc < 5)
		return 2;
	throwing_plugin = argv[3];
	for (int i = 4; i < argc && num_plugins < MAX_PLUGINS; i++)
		plugins[num_plugins++] = argv[i];
	for (int i = 0; i < NUM_WORKERS; i++) {
		workers[i].random = 0x9e3779b97f4a7c15u * (unsigned)(i + 1);
		if (pthread_create(&workers[i].id, NULL, roles[i], &workers[i]))
			return 2;
	}
	raise_signals(atoi(argv[1]), atoi(argv[2]));
	is_over = true;
	for (int i = 0; i < NUM_WORKERS; i++)
		pthread_join(workers[i].id, NULL);
	for (int i = 0; i < NUM_SLOTS; i++)
		free(slots[i]);
	dprintf(STDOUT_FILENO, "forks %ld, plugins %ld, throwing plugins %ld, threads %ld\n", num_forks, num_opened, num_thrown, num_threads);
	print_sum("torture_allocate", workers, NUM_WORKERS, offsetof(struct tally, allocated), false);
	print_sum("torture_clear", workers, NUM_WORKERS, offsetof(struct tally, cleared), false);
	print_sum("torture_reallocate", workers, NUM_WORKERS, offsetof(struct tally, reallocated), false);
	print_sum("torture_keep", workers, NUM_WORKERS, offsetof(struct tally, kept), true);
	return 0;
}
