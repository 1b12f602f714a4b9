// SPDX-License-Identifier: Apache-2.0
/*
 * Busy: four threads that allocate and check their data while they sleep, wait for futexes, timers and epoll; any call that is
 * interrupted, ends early or gives something else than it should is counted.  At a line of input it says how many there
 * were.  How often each thread went round is in its line "rounds" then, and meanwhile in memory that is shared with a file.
 *
 * usage: busy FILE
 */
#include "../truth.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <time.h>

enum { NUM_THREADS = 4, NUM_BLOCKS = 200, WAIT_NS = 5000000 };

static _Atomic uint64_t *rounds; // of each thread
static _Atomic uint64_t num_wrong, num_interrupted;
static _Atomic int is_ending;

static void check(int is_right)
{
	if (is_right)
		return;
	if (errno == EINTR)
		atomic_fetch_add(&num_interrupted, 1);
	else
		atomic_fetch_add(&num_wrong, 1);
}

SITE static void busy_allocate(unsigned char mark)
{
	unsigned char *blocks[NUM_BLOCKS];
	for (int i = 0; i < NUM_BLOCKS; i++) {
		blocks[i] = (unsigned char *)malloc(100 + (size_t)i);
		memset(blocks[i], mark, 100 + (size_t)i);
	}
	for (int i = 0; i < NUM_BLOCKS; i++) {
		errno = 0;
		check(blocks[i][0] == mark && blocks[i][50] == mark && blocks[i][99 + i] == mark);
		free(blocks[i]);
	}
}

static void sleep_a_while(void)
{
	struct timespec while_ns = {0, WAIT_NS}, left = {0, 0};
	check(nanosleep(&while_ns, &left) == 0);
}

// Nobody posts it.
static void wait_for_futex(void)
{
	static sem_t never;
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += WAIT_NS;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	int result = sem_timedwait(&never, &until);
	check(result < 0 && errno == ETIMEDOUT);
}

static void wait_for_timer(void)
{
	struct itimerspec once = {.it_value = {0, WAIT_NS}};
	uint64_t expirations = 0;
	int timer = timerfd_create(CLOCK_MONOTONIC, 0);
	check(timerfd_settime(timer, 0, &once, NULL) == 0);
	check(read(timer, &expirations, sizeof(expirations)) == sizeof(expirations) && expirations == 1);
	close(timer);
}

static void wait_for_events(void)
{
	struct epoll_event event;
	int set = epoll_create1(0);
	check(epoll_wait(set, &event, 1, WAIT_NS / 1000000) == 0);
	close(set);
}

static void *work(void *argument)
{
	static void (*const waits[NUM_THREADS])(void) = {sleep_a_while, wait_for_futex, wait_for_timer, wait_for_events};
	long number = (long)argument;
	while (!atomic_load(&is_ending)) {
		busy_allocate((unsigned char)(number * 50 + 7));
		errno = 0;
		waits[number]();
		atomic_fetch_add(&rounds[number], 1);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[NUM_THREADS];
	char input[2];
	int fd = open(argc > 1 ? argv[1] : "", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, 4096))
		return 3;
	rounds = (_Atomic uint64_t *)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (rounds == MAP_FAILED)
		return 4;
	for (long i = 0; i < NUM_THREADS; i++)
		pthread_create(&threads[i], NULL, work, (void *)i);
	dprintf(STDOUT_FILENO, "ready\n");
	if (read(STDIN_FILENO, input, sizeof(input)) < 0)
		return 5;
	atomic_store(&is_ending, 1);
	for (int i = 0; i < NUM_THREADS; i++)
		pthread_join(threads[i], NULL);
	dprintf(STDOUT_FILENO, "wrong %lu interrupted %lu\n", (unsigned long)num_wrong, (unsigned long)num_interrupted);
	return 0;
}
