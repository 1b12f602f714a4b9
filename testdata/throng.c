// SPDX-License-Identifier: Apache-2.0
/*
 * Threads that allocate from many stacks, and free what others allocated, while another one forks all the time.
 *
 * usage: throng THREADS BLOCKS-EACH.  Prints how many blocks that are, all of which are freed.
 */
#include "truth.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>

enum { DEPTH = 14, NUM_SLOTS = 1024, SIZE = 100, MAX_THREADS = 512 };

static void *_Atomic slots[NUM_SLOTS];
static atomic_bool is_over;
static int num_each;

// Two functions, so that the bits of path are a path in the call tree.
SITE static void *crowd_one(uint32_t path, int depth);

SITE static void *crowd_zero(uint32_t path, int depth)
{
	if (depth == 0)
		return truth_keep(malloc(SIZE));
	return truth_keep(path & 1 ? crowd_one(path >> 1, depth - 1) : crowd_zero(path >> 1, depth - 1));
}

SITE static void *crowd_one(uint32_t path, int depth)
{
	if (depth == 0)
		return truth_keep(malloc(SIZE));
	return truth_keep(path & 1 ? crowd_one(path >> 1, depth - 1) : crowd_zero(path >> 1, depth - 1));
}

static void *allocate(void *argument)
{
	uint32_t random = (uint32_t)(uintptr_t)argument * 2654435761U;
	for (int i = 0; i < num_each; i++) {
		random = random * 1664525 + 1013904223;
		free(atomic_exchange(&slots[random >> 5 & (NUM_SLOTS - 1)], crowd_zero(random >> 12, DEPTH)));
	}
	return NULL;
}

static void *fork_all_the_time(void *argument)
{
	while (!is_over) {
		pid_t child = fork();
		if (child == 0)
			_exit(0);
		waitpid(child, NULL, 0);
		usleep(1000);
	}
	return argument;
}

int main(int argc, char **argv)
{
	pthread_t forking, threads[MAX_THREADS];
	int num_threads = argc == 3 ? atoi(argv[1]) : 0;
	if (num_threads < 1 || num_threads > MAX_THREADS)
		return 2;
	num_each = atoi(argv[2]);
	pthread_create(&forking, NULL, fork_all_the_time, NULL);
	for (int i = 0; i < num_threads; i++)
		pthread_create(&threads[i], NULL, allocate, (void *)(uintptr_t)(i + 1));
	for (int i = 0; i < num_threads; i++)
		pthread_join(threads[i], NULL);
	is_over = true;
	pthread_join(forking, NULL);
	for (int i = 0; i < NUM_SLOTS; i++)
		free(slots[i]);
	dprintf(STDOUT_FILENO, "%d\n", num_threads * num_each);
	return 0;
}
