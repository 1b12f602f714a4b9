// SPDX-License-Identifier: Apache-2.0
/*
 * A process that has blocks makes another, in each way that there is: "fork", "clone" (the bare
 * system call), "idle" (a fork that allocates nothing), "grandchild", "threads" (fork beside
 * allocating threads), "vfork", "spawn", "system".  Prints "process NAME" before the truth of each.
 */
#include "truth.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

extern char **environ;

enum { NUM_BLOCKS = 100, BLOCK_BYTES = 1000 };

static struct truth before = {.function = "parent_before"};
static struct truth after = {.function = "parent_after"};
static struct truth in_child = {.function = "child_allocate"};
static struct truth in_grandchild = {.function = "grandchild_allocate"};
static char *blocks[NUM_BLOCKS];

SITE static void parent_before(void)
{
	for (int i = 0; i < NUM_BLOCKS; i++) {
		blocks[i] = truth_keep(malloc(BLOCK_BYTES));
		truth_add(&before, BLOCK_BYTES);
	}
}

SITE static void parent_after(void)
{
	truth_keep(malloc(77));
	truth_add(&after, 77);
}

SITE static void child_allocate(void)
{
	for (int i = 0; i < 10; i++) {
		truth_keep(malloc(333));
		truth_add(&in_child, 333);
	}
}

SITE static void grandchild_allocate(void)
{
	truth_keep(calloc(4, 11));
	truth_add(&in_grandchild, 44);
}

static void free_inherited(int first, int last)
{
	for (int i = first; i < last; i++) {
		free(blocks[i]);
		truth_remove(&before, BLOCK_BYTES);
	}
}

static void print(const char *process)
{
	dprintf(STDOUT_FILENO, "process %s\n", process);
	truth_print(&before);
	truth_print(&after);
	truth_print(&in_child);
	truth_print(&in_grandchild);
}

static int wait_for(pid_t child)
{
	int status = -1;
	if (child < 0 || waitpid(child, &status, 0) != child)
		exit(2);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

static void be_child(void)
{
	free_inherited(0, 50);
	child_allocate();
	print("child");
}

static void be_family(void)
{
	free_inherited(0, 10);
	child_allocate();
	pid_t child = fork();
	if (child == 0) {
		free_inherited(10, 30);
		grandchild_allocate();
		print("grandchild");
		exit(0);
	}
	wait_for(child);
	print("child");
}

static atomic_bool is_over;

static void *allocate_until_over(void *argument)
{
	(void)argument;
	while (!is_over)
		free(truth_keep(malloc(100)));
	return NULL;
}

// Each child allocates at once: a lock that another thread held at the fork would hold it for ever.
static void fork_beside_threads(void)
{
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, allocate_until_over, NULL);
	for (int i = 0; i < 50; i++) {
		pid_t child = fork();
		if (child == 0) {
			child_allocate();
			_exit(i % 2 ? 0 : 1);
		}
		if (wait_for(child) != (i % 2 ? 0 : 1))
			exit(3);
	}
	is_over = true;
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

static void vfork_twice(void)
{
	pid_t child = vfork();
	if (child == 0)
		_exit(5);
	dprintf(STDOUT_FILENO, "vfork and _exit: %d\n", wait_for(child));
	child = vfork();
	if (child == 0) {
		execl("/bin/true", "true", (char *)NULL);
		_exit(127);
	}
	dprintf(STDOUT_FILENO, "vfork and exec: %d\n", wait_for(child));
}

static void spawn(void)
{
	char *arguments[] = {"false", NULL};
	pid_t child;
	if (posix_spawn(&child, "/bin/false", NULL, NULL, arguments, environ))
		exit(2);
	dprintf(STDOUT_FILENO, "spawn: %d\n", wait_for(child));
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "fork";
	parent_before();
	pid_t child = 0;
	if (!strcmp(mode, "fork") || !strcmp(mode, "idle") || !strcmp(mode, "grandchild"))
		child = fork();
	else if (!strcmp(mode, "clone"))
		child = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
	else if (!strcmp(mode, "threads"))
		fork_beside_threads();
	else if (!strcmp(mode, "vfork"))
		vfork_twice();
	else if (!strcmp(mode, "spawn"))
		spawn();
	else if (!strcmp(mode, "system"))
		dprintf(STDOUT_FILENO, "system: %d\n", system("exit 9"));
	else
		return 2;

	if (child == 0 && (!strcmp(mode, "fork") || !strcmp(mode, "clone"))) {
		be_child();
		_exit(4);
	}
	if (child == 0 && !strcmp(mode, "grandchild")) {
		be_family();
		exit(4);
	}
	if (child == 0 && !strcmp(mode, "idle"))
		exit(4);
	if (child > 0)
		dprintf(STDOUT_FILENO, "child: %d\n", wait_for(child));
	parent_after();
	print("parent");
	return 0;
}
