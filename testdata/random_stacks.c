// SPDX-License-Identifier: Apache-2.0
/*
 * Random stacks: allocates at the tips of trees of calls of random shape (shapes.h).
 *
 * usage: random_stacks trees|threads|coroutines|signals LEAVES
 *        random_stacks plugins LEAVES DIRECTORY
 */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "shapes.h"
#include "truth.h"

static long num_leaves;

SITE static void allocate(struct shapes *shapes)
{
	free(truth_keep(malloc(shapes_random(shapes, 100) + 1)));
}

SITE static void allocate_zeroed(struct shapes *shapes)
{
	free(truth_keep(calloc(1, shapes_random(shapes, 100) + 1)));
}

static void allocate_somehow(struct shapes *shapes)
{
	if (shapes_random(shapes, 4))
		allocate(shapes);
	else
		allocate_zeroed(shapes);
}

static void grow_many(struct shapes *shapes, long leaves, int height)
{
	shapes->num_leaves = leaves;
	while (shapes->num_leaves > 0)
		shapes_grow(shapes, (int)shapes_random(shapes, (uint64_t)height));
}

static void run_trees(void)
{
	struct shapes shapes = {.random = 1, .leaf = allocate_somehow, .can_jump = true};
	grow_many(&shapes, num_leaves, 12);
}

static void *run_thread(void *number)
{
	struct shapes shapes = {.random = 1 + (uint64_t)(uintptr_t)number, .leaf = allocate_somehow, .can_jump = true};
	grow_many(&shapes, num_leaves / 12, 12);
	return NULL;
}

// Again and again four threads, which find the stacks and the lanes of those before.
static void run_threads(void)
{
	pthread_t threads[4];
	for (uintptr_t i = 0; i < 12; i++) {
		if (i >= 4)
			pthread_join(threads[i % 4], NULL);
		pthread_create(&threads[i % 4], NULL, run_thread, (void *)i);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

enum { NUM_COROUTINES = 4, STACK_BYTES = 256 << 10, GUARD_BYTES = 4096 };

static struct coroutine {
	ucontext_t context;
	char *memory; // with a page on both sides that cannot be read
	struct shapes shapes;
} coroutines[NUM_COROUTINES], *running;
static ucontext_t outside;

static void allocate_and_yield(struct shapes *shapes)
{
	allocate_somehow(shapes);
	if (shapes_random(shapes, 3) == 0)
		swapcontext(&running->context, &outside);
}

static void run_coroutine(void)
{
	for (;;)
		grow_many(&running->shapes, 1000000, 12);
}

// Where the one before was.
static void restart(struct coroutine *coroutine, uint64_t seed)
{
	size_t size = STACK_BYTES + 2 * GUARD_BYTES;
	if (coroutine->memory)
		munmap(coroutine->memory, size);
	coroutine->memory = mmap(coroutine->memory, size, PROT_NONE,
	                         MAP_PRIVATE | MAP_ANONYMOUS | (coroutine->memory ? MAP_FIXED : 0), -1, 0);
	char *stack = coroutine->memory + GUARD_BYTES;
	mprotect(stack, STACK_BYTES, PROT_READ | PROT_WRITE);
	coroutine->shapes = (struct shapes){.random = seed, .leaf = allocate_and_yield, .can_jump = true};
	getcontext(&coroutine->context);
	coroutine->context.uc_stack.ss_sp = stack;
	coroutine->context.uc_stack.ss_size = STACK_BYTES - shapes_random(&coroutine->shapes, 3) * 16;
	makecontext(&coroutine->context, run_coroutine, 0);
}

// Each goes on 3 leaves long on average.
static void run_coroutines(void)
{
	struct shapes shapes = {.random = 2};
	for (long i = 0; i < num_leaves / 3; i++) {
		running = &coroutines[i < NUM_COROUTINES ? (uint64_t)i : shapes_random(&shapes, NUM_COROUTINES)];
		if (i < NUM_COROUTINES || shapes_random(&shapes, 50) == 0)
			restart(running, (uint64_t)i + 1);
		swapcontext(&outside, &running->context);
	}
}

static struct shapes of_handlers = {.random = 3, .leaf = allocate_somehow};

static void handle(int number)
{
	(void)number;
	of_handlers.num_leaves = 2;
	shapes_grow(&of_handlers, 4);
}

static void allocate_and_raise(struct shapes *shapes)
{
	allocate_somehow(shapes);
	if (shapes_random(shapes, 8) == 0)
		raise(shapes_random(shapes, 2) ? SIGUSR1 : SIGUSR2);
}

// malloc in a handler is allowed here: the signals are raised where no malloc runs.
static void run_signals(void)
{
	static char space[256 << 10];
	struct shapes shapes = {.random = 4, .leaf = allocate_and_raise, .can_jump = true};
	struct sigaction there = {.sa_handler = handle, .sa_flags = SA_ONSTACK}, here = {.sa_handler = handle};
	stack_t stack = {.ss_sp = space, .ss_size = sizeof(space)};
	sigaltstack(&stack, NULL);
	sigaction(SIGUSR1, &there, NULL);
	sigaction(SIGUSR2, &here, NULL);
	grow_many(&shapes, num_leaves, 12);
}

// In the plugin of the larger frames its stack pointer is where it is in the other one's.
SITE static void call(void (*function)(struct shapes *), struct shapes *shapes, size_t room)
{
	volatile char *space = __builtin_alloca(room + 1);
	space[0] = 1;
	function(shapes);
	space[0] = 2;
}

// Two plugins with the same code but for the size of their frames, one after the other at the same place.
static void run_plugins(const char *directory)
{
	static const struct {
		const char *name;
		size_t room;
	} plugins[2] = {{"plugin_small", 2048}, {"plugin_large", 0}};
	struct shapes shapes = {.random = 5, .leaf = allocate_somehow};
	void *before = NULL;
	long num_same = 0;
	for (long i = 0; i < num_leaves / 20; i++) {
		char path[4096];
		snprintf(path, sizeof(path), "%s/%s.so", directory, plugins[i % 2].name);
		void *plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
		void (*function)(struct shapes *) = plugin ? (void (*)(struct shapes *))dlsym(plugin, "plugin_frame") : NULL;
		if (!function)
			exit(2);
		for (int j = 0; j < 20; j++)
			call(function, &shapes, plugins[i % 2].room);
		num_same += (void *)function == before;
		before = (void *)function;
		dlclose(plugin);
	}
	printf("%ld at the same place\n", num_same);
}

int main(int num_arguments, char **arguments)
{
	if (num_arguments < 3)
		return 2;
	num_leaves = atol(arguments[2]);
	const char *what = arguments[1];
	if (strcmp(what, "trees") == 0)
		run_trees();
	else if (strcmp(what, "threads") == 0)
		run_threads();
	else if (strcmp(what, "coroutines") == 0)
		run_coroutines();
	else if (strcmp(what, "signals") == 0)
		run_signals();
	else if (strcmp(what, "plugins") == 0 && num_arguments > 3)
		run_plugins(arguments[3]);
	else
		return 2;
	return 0;
}
