// SPDX-License-Identifier: Apache-2.0
/*
 * Workloads for scripts/bench: malloc and free, and as little else as can be.
 *
 * usage: workload NAME
 *
 * For each line on stdin, a number of operations, runs so many and prints the nanoseconds that one
 * operation (a malloc and a free) took by the wall clock.  So several of these processes can wait while
 * another runs, and take turns often enough to see the same weather on the machine.
 */
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mailbox.h"
#include "workload.h"

#define NUM_SLOTS 100000

uint16_t sizes[NUM_SIZES];

static void run_pairs(uint64_t num_operations)
{
	for (uint64_t i = 0; i < num_operations; i++)
		free(allocate(i));
}

// The first time, fills the working set too.
static void run_replace(uint64_t num_operations)
{
	static void *slots[NUM_SLOTS];
	static uint64_t state = 88172645463325252u;
	for (size_t i = 0; i < NUM_SLOTS && !slots[NUM_SLOTS - 1]; i++)
		slots[i] = allocate(random_next(&state));
	for (uint64_t i = 0; i < num_operations; i++) {
		uint64_t number = random_next(&state);
		void **slot = &slots[(number >> 32) % NUM_SLOTS];
		free(*slot);
		*slot = allocate(number);
	}
}

// What one of the threads does.
struct share {
	void (*run)(const struct share *share);
	unsigned number;      // of the thread
	unsigned num_threads; // 1 or 2
	uint64_t num_operations;
};

// Moves the calling thread to one of the processors that the process may use.
static void pin_thread(unsigned number)
{
	cpu_set_t allowed, one;
	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		return;
	number %= (unsigned)CPU_COUNT(&allowed);
	CPU_ZERO(&one);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &allowed) && number-- == 0)
			CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

static void *run_share(void *argument)
{
	const struct share *share = argument;
	pin_thread(share->number);
	share->run(share);
	return NULL;
}

// Threads share the operations, so that twice as fast is half the time for one.
static void run_threads(void (*run)(const struct share *share), unsigned num_threads, uint64_t num_operations)
{
	pthread_t threads[2];
	struct share shares[2];
	for (unsigned i = 0; i < num_threads; i++) {
		shares[i] = (struct share){ .run = run, .number = i, .num_threads = num_threads,
					    .num_operations = num_operations / num_threads };
		if (pthread_create(&threads[i], NULL, run_share, &shares[i]))
			abort();
	}
	for (unsigned i = 0; i < num_threads; i++)
		pthread_join(threads[i], NULL);
}

static void pairs_share(const struct share *share)
{
	run_pairs(share->num_operations);
}

static void run_one_thread(uint64_t num_operations)
{
	run_threads(pairs_share, 1, num_operations);
}

static void run_two_threads(uint64_t num_operations)
{
	run_threads(pairs_share, 2, num_operations);
}

static struct mailbox mailboxes[2];

static void exchange_share(const struct share *share)
{
	mailbox_exchange(&mailboxes[share->number], &mailboxes[(share->number + 1) % share->num_threads], share->num_operations);
}

static void run_exchange(uint64_t num_operations)
{
	run_threads(exchange_share, 2, num_operations);
}

static void run_exchange_alone(uint64_t num_operations)
{
	run_threads(exchange_share, 1, num_operations);
}

// The empty statement after the call keeps it from becoming a jump: each level is a frame.
__attribute__((noinline)) static void run_at_depth(unsigned depth, uint64_t num_operations)
{
	if (depth > 1)
		run_at_depth(depth - 1, num_operations);
	else
		run_pairs(num_operations);
	__asm__ volatile("");
}

static void run_depth_10(uint64_t num_operations)
{
	run_at_depth(10, num_operations);
}

static void run_depth_30(uint64_t num_operations)
{
	run_at_depth(30, num_operations);
}

static void run_depth_100(uint64_t num_operations)
{
	run_at_depth(100, num_operations);
}

static void run_varied_10(uint64_t num_operations)
{
	run_varied(5, num_operations);
}

static void run_varied_30(uint64_t num_operations)
{
	run_varied(25, num_operations);
}

static void run_varied_100(uint64_t num_operations)
{
	run_varied(95, num_operations);
}

struct workload {
	const char *name;
	void (*run)(uint64_t num_operations);
};

static const struct workload workloads[] = {
	{ "pairs", run_pairs },
	{ "replace", run_replace },
	{ "thread", run_one_thread },
	{ "threads", run_two_threads },
	{ "exchange", run_exchange },
	{ "exchange_alone", run_exchange_alone },
	{ "depth10", run_depth_10 },
	{ "depth30", run_depth_30 },
	{ "depth100", run_depth_100 },
	{ "varied10", run_varied_10 },
	{ "varied30", run_varied_30 },
	{ "varied100", run_varied_100 },
};

#define NUM_WORKLOADS (sizeof(workloads) / sizeof(workloads[0]))

static const struct workload *find_workload(const char *name)
{
	for (size_t i = 0; i < NUM_WORKLOADS; i++)
		if (!strcmp(workloads[i].name, name))
			return &workloads[i];
	return NULL;
}

static double now_ns(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

int main(int argc, char **argv)
{
	const struct workload *workload = argc == 2 ? find_workload(argv[1]) : NULL;
	if (!workload) {
		fprintf(stderr, "usage: %s NAME\nNAME is one of:", argv[0]);
		for (size_t i = 0; i < NUM_WORKLOADS; i++)
			fprintf(stderr, " %s", workloads[i].name);
		fputc('\n', stderr);
		return 2;
	}

	uint64_t state = 2463534242u;
	for (size_t i = 0; i < NUM_SIZES; i++)
		sizes[i] = (uint16_t)(16 + random_next(&state) % 1009);

	char line[32];
	while (fgets(line, sizeof(line), stdin)) {
		uint64_t num_operations = strtoull(line, NULL, 10);
		double start_ns = now_ns();
		workload->run(num_operations);
		double elapsed_ns = now_ns() - start_ns;
		printf("%.4f\n", num_operations ? elapsed_ns / (double)num_operations : 0);
		fflush(stdout);
	}
	return 0;
}
