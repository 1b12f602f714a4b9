// SPDX-License-Identifier: Apache-2.0
/*
 * Team: any number of threads that allocate and free, for scripts/bench to look at which memory they share.
 *
 * usage: team pairs|exchange THREADS OPERATIONS
 *
 * Each thread runs so many operations (a malloc and a free) twice; "exchange": a block is freed by the next thread.  Before
 * and after the second time the main thread writes to a variable, whose address is printed first, before the process's
 * mappings.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "mailbox.h"
#include "workload.h"

#define MAX_THREADS 64

uint16_t sizes[NUM_SIZES];

static struct mailbox mailboxes[MAX_THREADS];
static pthread_barrier_t barrier;
static unsigned num_threads;
static uint64_t num_operations;
static bool is_exchange;
static volatile uint64_t marker;

// Not inlined: both times are to have the same call sites.
static __attribute__((noinline)) void run_pairs(void)
{
	for (uint64_t i = 0; i < num_operations; i++)
		free(allocate(i));
}

static __attribute__((noinline)) void run_exchange(unsigned number)
{
	mailbox_exchange(&mailboxes[number], &mailboxes[(number + 1) % num_threads], num_operations);
}

static void *run(void *argument)
{
	unsigned number = (unsigned)(uintptr_t)argument;
	for (int i = 0; i < 2; i++) {
		is_exchange ? run_exchange(number) : run_pairs();
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

static void print_mappings(void)
{
	char line[4096];
	FILE *file = fopen("/proc/self/maps", "r");
	if (!file)
		abort();
	while (fgets(line, sizeof(line), file))
		fputs(line, stdout);
	fclose(file);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	pthread_t threads[MAX_THREADS];
	num_threads = argc == 4 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	if (num_threads == 0 || num_threads > MAX_THREADS)
		return 2;
	is_exchange = !strcmp(argv[1], "exchange");
	num_operations = strtoull(argv[3], NULL, 10);
	uint64_t state = 2463534242u;
	for (size_t i = 0; i < NUM_SIZES; i++)
		sizes[i] = (uint16_t)(16 + random_next(&state) % 1009);
	printf("%lx\n", (unsigned long)&marker);
	print_mappings();
	pthread_barrier_init(&barrier, NULL, num_threads + 1);
	for (uintptr_t i = 0; i < num_threads; i++)
		if (pthread_create(&threads[i], NULL, run, (void *)i))
			abort();
	for (uint64_t i = 1; i <= 2; i++) {
		pthread_barrier_wait(&barrier);
		marker = i;
		pthread_barrier_wait(&barrier);
	}
	for (unsigned i = 0; i < num_threads; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
