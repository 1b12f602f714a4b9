// SPDX-License-Identifier: Apache-2.0
/*
 * Many threads at the same few sites: "alive" (600 of them at once), "generations" (3,000, of which 8 live at a time),
 * "handover" (all blocks are freed by another thread than the one that allocates them), "full" (16 that allocate from
 * more stacks than a small ledger has room for).  Prints the truth.
 */
#include "sharing.h"

#include <semaphore.h>

enum { NUM_ALIVE = 600, NUM_GENERATIONS = 3000, NUM_AT_ONCE = 8, NUM_FULL = 16 };
enum { NUM_SLOTS = 1024, STACK_BYTES = 32768, BATCH = 256, NUM_BATCHES = 800, NUM_WARM = 300, MAX_TURNS = 12 };

static struct truth own = {.function = "crowd_allocate"};
static struct truth passed = {.function = "crowd_pass"};
static _Atomic(char *) slots[NUM_SLOTS];
static pthread_barrier_t barrier;

SITE static char *crowd_allocate(struct share *share, size_t size)
{
	char *block = truth_keep(malloc(size));
	memcpy(block, &size, sizeof(size));
	truth_add(&share->own, size);
	return block;
}

SITE static char *crowd_pass(struct share *share, size_t size)
{
	char *block = truth_keep(calloc(1, size));
	memcpy(block, &size, sizeof(size));
	truth_add(&share->passed, size);
	return block;
}

static void exchange(struct share *share)
{
	char *block = crowd_pass(share, next_size(share));
	free_block(&share->passed, atomic_exchange(&slots[next_random(share) % NUM_SLOTS], block));
}

static void work(struct share *share, int num_rounds)
{
	for (int i = 0; i < num_rounds; i++) {
		char *block = crowd_allocate(share, next_size(share));
		exchange(share);
		if (i % 50)
			free_block(&share->own, block);
	}
}

static void *be_alive(void *argument)
{
	pthread_barrier_wait(&barrier);
	work(argument, 400);
	pthread_barrier_wait(&barrier);
	return NULL;
}

static void *be_brief(void *argument)
{
	work(argument, 20);
	return NULL;
}

static char *batch[BATCH];
static sem_t is_full, is_empty;

static void *produce(void *argument)
{
	struct share *share = argument;
	for (int i = 0; i < NUM_BATCHES; i++) {
		sem_wait(&is_empty);
		for (int j = 0; j < BATCH; j++)
			batch[j] = crowd_pass(share, next_size(share));
		sem_post(&is_full);
	}
	return NULL;
}

static void *consume(void *argument)
{
	struct share *share = argument;
	for (int i = 0; i < NUM_BATCHES; i++) {
		sem_wait(&is_full);
		for (int j = 0; j < BATCH; j++)
			free_block(&share->passed, batch[j]);
		sem_post(&is_empty);
	}
	return NULL;
}

// Each path through these is a stack of its own.
SITE static void turn_left(struct share *share, uint64_t path, int num_turns);

SITE static void turn_right(struct share *share, uint64_t path, int num_turns)
{
	if (num_turns == 0)
		exchange(share);
	else if (path & 1)
		turn_left(share, path >> 1, num_turns - 1);
	else
		turn_right(share, path >> 1, num_turns - 1);
	truth_keep(share); // a frame that is needed after the call
}

SITE static void turn_left(struct share *share, uint64_t path, int num_turns)
{
	if (num_turns == 0)
		exchange(share);
	else if (path & 1)
		turn_left(share, path >> 1, num_turns - 1);
	else
		turn_right(share, path >> 1, num_turns - 1);
	truth_keep(share);
}

// More blocks at first than there are later: then the ledger has room for these, and their freeing is seen.
static void *fill_ledger(void *argument)
{
	struct share *share = argument;
	char *warm[NUM_WARM];
	for (int i = 0; i < NUM_WARM; i++)
		warm[i] = crowd_allocate(share, next_size(share));
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < NUM_WARM; i++)
		free_block(&share->own, warm[i]);
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < 5000; i++)
		turn_left(share, next_random(share), MAX_TURNS);
	return NULL;
}

static void run(unsigned num_threads, unsigned num_at_once, size_t stack_bytes, void *(*even)(void *), void *(*odd)(void *))
{
	static struct share shares[NUM_GENERATIONS];
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	if (pthread_attr_setstacksize(&attributes, stack_bytes))
		abort();
	pthread_barrier_init(&barrier, NULL, num_at_once);
	for (unsigned i = 0; i < num_threads; i++) {
		if (i >= num_at_once)
			share_join(&shares[i - num_at_once], &own, &passed);
		share_start(&shares[i], i, &attributes, i % 2 ? odd : even);
	}
	for (unsigned i = num_threads - num_at_once; i < num_threads; i++)
		share_join(&shares[i], &own, &passed);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	sem_init(&is_full, 0, 0);
	sem_init(&is_empty, 0, 1);
	if (!strcmp(mode, "alive"))
		run(NUM_ALIVE, NUM_ALIVE, STACK_BYTES, be_alive, be_alive);
	else if (!strcmp(mode, "generations"))
		run(NUM_GENERATIONS, NUM_AT_ONCE, STACK_BYTES, be_brief, be_brief);
	else if (!strcmp(mode, "handover"))
		run(2, 2, 1 << 20, produce, consume);
	else if (!strcmp(mode, "full"))
		run(NUM_FULL, NUM_FULL, 1 << 20, fill_ledger, fill_ledger);
	else
		return 2;
	for (int i = 0; i < NUM_SLOTS; i += 2)
		free_block(&passed, slots[i]);
	truth_print(&own);
	truth_print(&passed);
	return 0;
}
