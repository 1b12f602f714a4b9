// SPDX-License-Identifier: Apache-2.0
/*
 * Thread locals: blocks that only a thread's own storage points to: __thread, or pthread_setspecific().  They are reachable while
 * the thread runs, the first one or another.
 *
 * usage: thread_locals main|other|specific
 */
#include "loss.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 600 };

static __thread void *volatile kept;
static pthread_key_t key;
static sem_t ready;

SITE static void thread_locals_keep(void)
{
	kept = calloc(1, SIZE);
}

SITE static void thread_locals_keep_specific(void)
{
	pthread_key_create(&key, NULL);
	pthread_setspecific(key, calloc(1, SIZE));
}

static void *keep_and_wait(void *argument)
{
	(void)argument;
	thread_locals_keep();
	loss_scrub();
	sem_post(&ready);
	pause();
	return NULL;
}

int main(int argc, char **argv)
{
	const char *where = argc > 1 ? argv[1] : "main";
	pthread_t thread;
	sem_init(&ready, 0, 0);
	if (!strcmp(where, "other")) {
		pthread_create(&thread, NULL, keep_and_wait, NULL);
		sem_wait(&ready);
	} else if (!strcmp(where, "specific")) {
		thread_locals_keep_specific();
	} else {
		thread_locals_keep();
	}
	loss_scrub();
	loss_tell("reachable", SIZE, 1);
	return 0;
}
