// SPDX-License-Identifier: Apache-2.0
// Run one function in several threads that start at the same time, and wait for them.
#ifndef CAIRN_TESTS_THREADS_H
#define CAIRN_TESTS_THREADS_H

#include <pthread.h>

#define NUM_THREADS 4

struct crew {
	void (*work)(int number, void *argument);
	void *argument;
	pthread_barrier_t start;
};

struct crew_member {
	struct crew *crew;
	int number;
};

static void *crew_run(void *argument)
{
	struct crew_member *member = argument;
	pthread_barrier_wait(&member->crew->start);
	member->crew->work(member->number, member->crew->argument);
	return NULL;
}

static inline void run_in_threads(void (*work)(int number, void *argument), void *argument)
{
	pthread_t threads[NUM_THREADS];
	struct crew_member members[NUM_THREADS];
	struct crew crew = { .work = work, .argument = argument };
	pthread_barrier_init(&crew.start, NULL, NUM_THREADS);
	for (int i = 0; i < NUM_THREADS; i++) {
		members[i] = (struct crew_member){ &crew, i };
		pthread_create(&threads[i], NULL, crew_run, &members[i]);
	}
	for (int i = 0; i < NUM_THREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&crew.start);
}

#endif
