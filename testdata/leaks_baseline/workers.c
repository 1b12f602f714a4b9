// SPDX-License-Identifier: Apache-2.0
// Workers: threads that are waited for, that nobody waits for, and that still run; with keys and storage of their own.
// Leaks nothing.
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static __thread char own[5000];
static pthread_key_t keys[64];
static sem_t started;

static void ring(union sigval value)
{
	(void)value;
}

static void *work(void *forever)
{
	own[1] = 1;
	for (int i = 0; i < 64; i++)
		pthread_setspecific(keys[i], own); // more than a thread has room for at first
	sem_post(&started);
	while (forever)
		pause();
	return NULL;
}

int main(void)
{
	pthread_t thread;
	sem_init(&started, 0, 0);
	for (int i = 0; i < 64; i++)
		pthread_key_create(&keys[i], NULL);
	for (int i = 0; i < 4; i++) {
		if (pthread_create(&thread, NULL, work, NULL) == 0)
			pthread_join(thread, NULL);
		if (pthread_create(&thread, NULL, work, NULL) == 0)
			pthread_detach(thread);
		pthread_create(&thread, NULL, work, keys);
	}
	for (int i = 0; i < 12; i++)
		sem_wait(&started);
	timer_t timer;
	struct sigevent event = { .sigev_notify = SIGEV_THREAD, .sigev_notify_function = ring };
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) == 0)
		timer_delete(timer);
	for (int i = 0; i < 64; i++)
		pthread_setspecific(keys[i], own);
	return 0;
}
