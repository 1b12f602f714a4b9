// SPDX-License-Identifier: Apache-2.0
/*
 * Stacks: a block that only a stack points to is reachable as long as the function that has the pointer runs, on whatever thread;
 * it is lost when that function has returned, or the thread has ended, although the memory is still there and unchanged.
 *
 * usage: stacks main|other|dead|ended
 */
#include "loss.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

enum { SIZE = 800, DEPTH = 256 << 10, SHALLOW = 8 << 10 };

static sem_t ready;

// The pointer is so deep that nothing overwrites it later.
SITE static void stacks_leave(void)
{
	void *volatile deep[DEPTH / sizeof(void *)];
	deep[0] = calloc(1, SIZE);
	deep[100] = deep[0];
}

// When a thread ends, the C library gives back its stack but for the last 16 KB.
SITE static void stacks_leave_shallow(void)
{
	void *volatile shallow[SHALLOW / sizeof(void *)];
	shallow[0] = calloc(1, SIZE);
	shallow[100] = shallow[0];
}

SITE static void stacks_hold(void)
{
	void *volatile here = calloc(1, SIZE);
	loss_scrub();
	sem_post(&ready);
	pause();
	free(here);
}

static void *hold(void *argument)
{
	(void)argument;
	stacks_hold();
	return NULL;
}

static void *leave(void *argument)
{
	(void)argument;
	stacks_leave_shallow();
	return NULL;
}

// exit() is called from a function whose pointer is still in use.
SITE static void stacks_end(void)
{
	void *volatile here[3] = {0, calloc(1, SIZE), 0};
	loss_scrub();
	exit(0);
	free(here[1]);
}

int main(int argc, char **argv)
{
	const char *where = argc > 1 ? argv[1] : "main";
	int is_lost = !strcmp(where, "dead") || !strcmp(where, "ended");
	pthread_t thread;
	loss_tell(is_lost ? "definite" : "reachable", SIZE, 1);
	sem_init(&ready, 0, 0);
	if (!strcmp(where, "main"))
		stacks_end();
	if (!strcmp(where, "dead"))
		stacks_leave();
	if (!strcmp(where, "other")) {
		pthread_create(&thread, NULL, hold, NULL);
		sem_wait(&ready);
	}
	if (!strcmp(where, "ended")) {
		pthread_create(&thread, NULL, leave, NULL);
		pthread_join(thread, NULL);
	}
	loss_scrub();
	return 0;
}
