// SPDX-License-Identifier: Apache-2.0
/*
 * Threads with stacks of 32 KiB that allocate: blocks that they keep or free, blocks that another
 * thread frees, and blocks allocated by thread-local destructors while the thread is being taken down.
 */
#include "truth.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { NUM_THREADS = 8, NUM_BLOCKS = 2000, NUM_DESTRUCTORS = 3, STACK_BYTES = 32768 };

struct thread {
	pthread_t id;
	struct truth allocated;
	struct truth handed_over;
	struct truth destroyed;
	char *for_the_next[NUM_BLOCKS]; // allocated here, freed by the next thread
	int destructor_calls;
};

static struct thread threads[NUM_THREADS];
static pthread_barrier_t all_allocated;
static pthread_key_t key;

static size_t size_of(int i)
{
	return 1 + (size_t)i * 37 % 4000;
}

SITE static char *thread_allocate(struct thread *thread, size_t size)
{
	char *block = truth_keep(malloc(size));
	block[0] = 1;
	truth_add(&thread->allocated, size);
	return block;
}

SITE static char *thread_hand_over(struct thread *thread, size_t size)
{
	char *block = truth_keep(calloc(1, size));
	truth_add(&thread->handed_over, size);
	return block;
}

SITE static char *thread_destructor_allocate(struct thread *thread, size_t size)
{
	char *block = truth_keep(malloc(size));
	truth_add(&thread->destroyed, size);
	return block;
}

// Comes back some rounds, so that the last ones run after other destructors have had their turn.
static void destroy(void *value)
{
	struct thread *thread = value;
	thread_destructor_allocate(thread, 100);
	free(thread_destructor_allocate(thread, 200));
	truth_remove(&thread->destroyed, 200);
	if (++thread->destructor_calls < NUM_DESTRUCTORS)
		pthread_setspecific(key, thread);
}

static void *run(void *argument)
{
	struct thread *thread = argument;
	pthread_setspecific(key, thread);
	for (int i = 0; i < NUM_BLOCKS; i++) {
		char *block = thread_allocate(thread, size_of(i));
		if (i % 2) {
			truth_remove(&thread->allocated, size_of(i));
			free(block);
		}
		thread->for_the_next[i] = thread_hand_over(thread, size_of(i));
	}
	pthread_barrier_wait(&all_allocated);
	struct thread *previous = &threads[(size_t)(thread - threads + NUM_THREADS - 1) % NUM_THREADS];
	for (int i = 0; i < NUM_BLOCKS; i++)
		free(previous->for_the_next[i]);
	return NULL;
}

static void sum(struct truth *sum, const struct truth *part)
{
	sum->alloc_objects += part->alloc_objects;
	sum->alloc_bytes += part->alloc_bytes;
	sum->inuse_objects += part->inuse_objects;
	sum->inuse_bytes += part->inuse_bytes;
}

int main(void)
{
	struct truth allocated = {.function = "thread_allocate"};
	struct truth handed_over = {.function = "thread_hand_over"};
	struct truth destroyed = {.function = "thread_destructor_allocate"};
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	if (pthread_attr_setstacksize(&attributes, STACK_BYTES))
		return 2;
	pthread_barrier_init(&all_allocated, NULL, NUM_THREADS);
	pthread_key_create(&key, destroy);
	for (int i = 0; i < NUM_THREADS; i++)
		if (pthread_create(&threads[i].id, &attributes, run, &threads[i]))
			return 2;
	for (int i = 0; i < NUM_THREADS; i++) {
		pthread_join(threads[i].id, NULL);
		sum(&allocated, &threads[i].allocated);
		sum(&handed_over, &threads[i].handed_over);
		sum(&destroyed, &threads[i].destroyed);
	}
	handed_over.inuse_objects = 0; // all were freed by the neighbours
	handed_over.inuse_bytes = 0;
	truth_print(&allocated);
	truth_print(&handed_over);
	truth_print(&destroyed);
	return 0;
}
