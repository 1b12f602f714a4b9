// SPDX-License-Identifier: Apache-2.0
/*
 * Endings: 1000 bytes are lost, and the process ends in the way that the argument names.
 *
 * usage: endings return|exit|_exit|exit_group|quick_exit|abort|kill|segv|term|main_thread|other_thread|exec
 */
#include "loss.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static int *volatile nowhere = NULL;
static pthread_t main_thread;

SITE static void endings_lose(void)
{
	truth_keep(calloc(1, 1000));
}

static void *outlive_main(void *argument)
{
	(void)argument;
	pthread_join(main_thread, NULL);
	usleep(20000);
	return NULL;
}

static void *end(void *argument)
{
	(void)argument;
	exit(3);
}

static void end_with_threads(void *(*function)(void *))
{
	pthread_t thread;
	main_thread = pthread_self();
	pthread_create(&thread, NULL, function, NULL);
	if (function == outlive_main)
		pthread_exit(NULL);
	pause();
}

static void end_by_signal(const char *kind)
{
	struct rlimit none = {0, 0};
	setrlimit(RLIMIT_CORE, &none);
	if (!strcmp(kind, "abort"))
		abort();
	if (!strcmp(kind, "kill"))
		raise(SIGKILL);
	if (!strcmp(kind, "term"))
		raise(SIGTERM);
	if (!strcmp(kind, "segv"))
		*nowhere = 1;
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "return";
	endings_lose();
	loss_scrub();
	if (!strcmp(kind, "exec")) { // this memory is gone, the next image loses as much
		execl(argv[0], "endings", "return", (char *)NULL);
		return 127;
	}
	loss_tell("definite", 1000, 1);
	if (!strcmp(kind, "exit"))
		exit(3);
	if (!strcmp(kind, "_exit"))
		_exit(3);
	if (!strcmp(kind, "exit_group"))
		syscall(SYS_exit_group, 3);
	if (!strcmp(kind, "quick_exit"))
		quick_exit(3);
	if (!strcmp(kind, "main_thread"))
		end_with_threads(outlive_main);
	if (!strcmp(kind, "other_thread"))
		end_with_threads(end);
	end_by_signal(kind);
	return 3;
}
