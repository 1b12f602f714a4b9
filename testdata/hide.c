// SPDX-License-Identifier: Apache-2.0
/*
 * Allocates 10 blocks of 1000 bytes and then goes where it is hard to look: as its arguments say, in their order, it
 * closes all descriptors ("close"), changes its root directory to the current one ("chroot"), gives up root's
 * privileges ("nobody") or starts threads ("threads").  Then it waits for a signal; "traced" makes it look all the
 * while whether somebody traces it, and end with status 1 if so.
 *
 * The first argument names a file of one byte, which becomes "1" when it is ready.
 */
#include "truth.h"

#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void *kept[10];

SITE static void hide_allocate(void)
{
	for (int i = 0; i < 10; i++)
		kept[i] = truth_keep(malloc(1000));
}

static void *work(void *argument)
{
	(void)argument;
	for (;;)
		free(truth_keep(malloc(100)));
	return NULL;
}

static void start_threads(void)
{
	for (int i = 0; i < 2; i++) {
		pthread_t thread;
		if (pthread_create(&thread, NULL, work, NULL))
			exit(2);
	}
}

static void become_nobody(void)
{
	if (setgroups(0, NULL) || setgid(65534) || setuid(65534))
		exit(2);
}

static void do_one(const char *what)
{
	if (!strcmp(what, "close"))
		for (int fd = 0; fd < 1024; fd++)
			close(fd);
	else if (!strcmp(what, "chroot") && chroot("."))
		exit(2);
	else if (!strcmp(what, "nobody"))
		become_nobody();
	else if (!strcmp(what, "threads"))
		start_threads();
}

// Who traces a process, the only way to stop one thread of it, shows in /proc/self/status.
static void watch(int status_fd)
{
	char text[2048];
	for (;;) {
		ssize_t got = pread(status_fd, text, sizeof(text) - 1, 0);
		text[got > 0 ? got : 0] = 0;
		if (!strstr(text, "TracerPid:\t0\n"))
			exit(1);
	}
}

int main(int argc, char **argv)
{
	int status_fd = open("/proc/self/status", O_RDONLY);
	int ready_fd = argc > 1 ? open(argv[1], O_RDWR) : -1;
	char *ready = ready_fd < 0 ? MAP_FAILED : mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, ready_fd, 0);
	bool is_watching = false;
	if (ready == MAP_FAILED)
		return 2;
	hide_allocate();
	for (int i = 2; i < argc; i++) {
		is_watching |= !strcmp(argv[i], "traced");
		do_one(argv[i]);
	}
	*ready = '1';
	if (is_watching)
		watch(status_fd);
	pause();
	return 0;
}
