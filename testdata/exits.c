// SPDX-License-Identifier: Apache-2.0
/*
 * Allocates, then leaves in the way that the first argument names.
 */
#include "truth.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static struct truth truth = {.function = "exits_allocate"};
static int *volatile nowhere = NULL;
static pthread_t main_thread;

SITE static void exits_allocate(void)
{
	for (int i = 0; i < 3; i++) {
		truth_keep(malloc(12345));
		truth_add(&truth, 12345);
	}
}

// Works on after main has ended its own thread, and so is the one that ends the process.
static void *outlive_main(void *argument)
{
	(void)argument;
	pthread_join(main_thread, NULL);
	exits_allocate();
	dprintf(STDOUT_FILENO, "outlived\n");
	return NULL;
}

static void say_segv(int signal)
{
	(void)signal;
	static const char message[] = "own handler\n";
	if (write(STDOUT_FILENO, message, sizeof(message) - 1) < 0)
		_exit(8);
	_exit(7);
}

static void say_exit(void)
{
	dprintf(STDOUT_FILENO, "exit handler\n");
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "return";
	exits_allocate();
	truth_print(&truth);
	if (!strcmp(kind, "return"))
		return 3;
	if (!strcmp(kind, "exit")) {
		atexit(say_exit);
		exit(3);
	}
	if (!strcmp(kind, "quick_exit")) {
		at_quick_exit(say_exit);
		quick_exit(3);
	}
	if (!strcmp(kind, "_exit")) {
		atexit(say_exit);
		_exit(3);
	}
	if (!strcmp(kind, "_Exit"))
		_Exit(3);
	if (!strcmp(kind, "exit_group"))
		syscall(SYS_exit_group, 3);
	if (!strcmp(kind, "abort"))
		abort();
	if (!strcmp(kind, "segv"))
		*nowhere = 1;
	if (!strcmp(kind, "fpe"))
		raise(SIGFPE);
	if (!strcmp(kind, "term"))
		raise(SIGTERM);
	if (!strcmp(kind, "kill"))
		raise(SIGKILL);
	if (!strcmp(kind, "handler")) {
		signal(SIGSEGV, say_segv);
		*nowhere = 1;
	}
	if (!strcmp(kind, "ignore")) {
		signal(SIGTERM, SIG_IGN);
		raise(SIGTERM);
		return 6;
	}
	if (!strcmp(kind, "limited")) {
		struct rlimit none = {.rlim_cur = 3, .rlim_max = 3};
		setrlimit(RLIMIT_NOFILE, &none);
		exits_allocate();
		return 3;
	}
	if (!strcmp(kind, "exec")) {
		execl("/proc/self/exe", "exits", "return", (char *)NULL);
		return 127;
	}
	if (!strcmp(kind, "thread")) {
		pthread_t thread;
		main_thread = pthread_self();
		pthread_create(&thread, NULL, outlive_main, NULL);
		pthread_exit(NULL);
	}
	return 2;
}
