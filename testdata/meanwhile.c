// SPDX-License-Identifier: Apache-2.0
/*
 * What happens meanwhile: threads allocate and free one another's blocks while the main thread forks ("fork"), or
 * until it is told to end ("exchange": it says when there is something to see).  "peak": four threads climb to a
 * maximum, of which the heap of any one of them was a small part.  Prints the truth.
 */
#include "sharing.h"

#include <sched.h>
#include <stdbool.h>
#include <sys/wait.h>

enum { NUM_THREADS = 8, NUM_SLOTS = 4096, NUM_KEPT = 20, NUM_FORKS = 5, NUM_OWN = 200, MAX_OWN = 1000, OWN_BYTES = 120 };
enum { NUM_CLIMBERS = 4, NUM_EARLY = 2000, NUM_EARLY_LEFT = 500, NUM_LATE = 1000, HILL_BYTES = 4000 };

static struct truth own = {.function = "meanwhile_keep"};
static struct truth passed = {.function = "meanwhile_pass"};
static struct truth forked = {.function = "meanwhile_fork"};
static struct truth in_child = {.function = "meanwhile_child"};
static struct share shares[NUM_THREADS];
static _Atomic(char *) slots[NUM_SLOTS];
static char *for_others[MAX_OWN]; // blocks of the main thread that others free
static atomic_int num_filled, num_for_others, num_taken, num_freed;
static atomic_bool is_over;
static pthread_barrier_t barrier;

SITE static char *meanwhile_keep(struct share *share, size_t size)
{
	char *block = truth_keep(malloc(size));
	truth_add(&share->own, size);
	return block;
}

SITE static char *meanwhile_pass(struct share *share, size_t size)
{
	char *block = truth_keep(malloc(size));
	memcpy(block, &size, sizeof(size));
	truth_add(&share->passed, size);
	return block;
}

SITE static char *meanwhile_fork(void)
{
	truth_add(&forked, OWN_BYTES);
	return truth_keep(calloc(1, OWN_BYTES));
}

SITE static void meanwhile_child(void)
{
	truth_add(&in_child, 33);
	truth_keep(malloc(33));
}

static void help_main_thread(void)
{
	int number = num_taken;
	if (number < num_for_others && atomic_compare_exchange_strong(&num_taken, &number, number + 1)) {
		free(for_others[number]);
		num_freed++;
	}
}

// Fills its part of the slots first, then exchanges what is in any of them: from one call, so that it is one site.
static void *exchange(void *argument)
{
	struct share *share = argument;
	unsigned part = NUM_SLOTS / NUM_THREADS;
	for (int i = 0; i < NUM_KEPT; i++)
		meanwhile_keep(share, next_size(share));
	for (unsigned i = 0; !is_over; i++) {
		uint64_t slot = i < part ? share->number * part + i : next_random(share) % NUM_SLOTS;
		free_block(&share->passed, atomic_exchange(&slots[slot], meanwhile_pass(share, next_size(share))));
		if (i == part)
			num_filled++;
		help_main_thread();
	}
	return NULL;
}

static void start_exchange(void)
{
	for (unsigned i = 0; i < NUM_THREADS; i++)
		share_start(&shares[i], i, NULL, exchange);
	while (num_filled < NUM_THREADS)
		sched_yield();
}

static void end_exchange(void)
{
	is_over = true;
	for (int i = 0; i < NUM_THREADS; i++)
		share_join(&shares[i], &own, &passed);
}

// Others free so many of the main thread's blocks, which are gone when this returns.
static void let_others_free(char **blocks, int num_blocks)
{
	for (int i = 0; i < num_blocks; i++) {
		for_others[num_for_others] = blocks[i];
		num_for_others++;
		truth_remove(&forked, OWN_BYTES);
	}
	while (num_freed < num_for_others)
		sched_yield();
}

static void be_child(int number, char **blocks)
{
	for (int i = 0; i < 30; i++) {
		free(blocks[i]);
		truth_remove(&forked, OWN_BYTES);
	}
	for (int i = 0; i < 5 + number; i++)
		meanwhile_child();
	dprintf(STDOUT_FILENO, "process %d\n", getpid());
	truth_print(&forked);
	truth_print(&in_child);
	_exit(7);
}

static void fork_meanwhile(void)
{
	char *blocks[NUM_OWN];
	start_exchange();
	for (int i = 0; i < NUM_FORKS; i++) {
		for (int j = 0; j < NUM_OWN; j++)
			blocks[j] = meanwhile_fork();
		let_others_free(blocks, NUM_OWN / 2);
		pid_t child = fork();
		if (child == 0)
			be_child(i, blocks + NUM_OWN / 2);
		int status = 0;
		if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 7)
			abort();
	}
	end_exchange();
	dprintf(STDOUT_FILENO, "process %d\n", getpid());
	truth_print(&own);
	truth_print(&passed);
	truth_print(&forked);
}

static void exchange_until_told(void)
{
	char byte;
	start_exchange();
	dprintf(STDOUT_FILENO, "ready\n");
	if (read(STDIN_FILENO, &byte, 1) != 0)
		abort();
	end_exchange();
	truth_print(&own);
	truth_print(&passed);
}

static char *hills[NUM_CLIMBERS][NUM_EARLY];

static void climb_hill(struct share *share, int num_blocks)
{
	for (int i = 0; i < num_blocks; i++) {
		hills[share->number][i] = meanwhile_pass(share, HILL_BYTES);
		free(meanwhile_keep(share, 64)); // so that the heap falls again and again
		truth_remove(&share->own, 64);
	}
}

static void descend(struct share *share, unsigned climber, int first, int last)
{
	for (int i = first; i < last; i++)
		free_block(&share->passed, hills[climber][i]);
}

// The first climbs alone, higher than any other will, and comes down; then the others climb, and all are higher together.
static void *climb(void *argument)
{
	struct share *share = argument;
	if (share->number == 0) {
		climb_hill(share, NUM_EARLY);
		descend(share, 0, NUM_EARLY_LEFT, NUM_EARLY);
	}
	pthread_barrier_wait(&barrier);
	if (share->number != 0)
		climb_hill(share, NUM_LATE);
	pthread_barrier_wait(&barrier); // at the maximum
	pthread_barrier_wait(&barrier);
	descend(share, (share->number + 1) % NUM_CLIMBERS, 0, NUM_EARLY_LEFT);
	return NULL;
}

static void climb_together(void)
{
	pthread_barrier_init(&barrier, NULL, NUM_CLIMBERS + 1);
	for (unsigned i = 0; i < NUM_CLIMBERS; i++)
		share_start(&shares[i], i, NULL, climb);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	long objects = 0, bytes = 0;
	for (int i = 0; i < NUM_CLIMBERS; i++) {
		objects += shares[i].passed.inuse_objects;
		bytes += shares[i].passed.inuse_bytes;
	}
	dprintf(STDOUT_FILENO, "peak meanwhile_pass %ld %ld\n", objects, bytes);
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < NUM_CLIMBERS; i++)
		share_join(&shares[i], &own, &passed);
	truth_print(&own);
	truth_print(&passed);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	if (!strcmp(mode, "fork"))
		fork_meanwhile();
	else if (!strcmp(mode, "exchange"))
		exchange_until_told();
	else if (!strcmp(mode, "peak"))
		climb_together();
	else
		return 2;
	return 0;
}
