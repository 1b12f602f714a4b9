// SPDX-License-Identifier: Apache-2.0
/*
 * Descendants: a program and its child lose blocks, each its own.  What the child inherited and both lost is its parent's
 * affair; what only the child lost is its own, if it allocates anything at all.
 *
 * usage: descendants fork|forgets|reloads|exec|vfork|replaced|alone
 */
#include "loss.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static void *volatile kept;

SITE static void descendants_lose(size_t size)
{
	truth_keep(calloc(1, size));
	loss_tell("definite", size, 1);
}

static const char *program;

static void execute(void)
{
	execl(program, "descendants", "alone", (char *)NULL);
	_exit(127);
}

static void be_child(const char *kind)
{
	if (!strcmp(kind, "exec"))
		execute();
	if (!strcmp(kind, "forgets")) {
		kept = NULL;
	} else if (!strcmp(kind, "reloads")) {
		kept = calloc(1, 64);
		loss_tell("definite", 64, 1);
	} else {
		descendants_lose(300);
	}
	loss_scrub();
	exit(5);
}

static int get_status(pid_t child)
{
	int status;
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return 99;
	return WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "fork";
	program = argv[0];
	kept = calloc(1, 64);
	pid_t child;
	if (!strcmp(kind, "alone")) {
		descendants_lose(200);
		loss_scrub();
		return 5;
	}
	if (!strcmp(kind, "replaced")) { // what it lost is gone with its memory
		truth_keep(calloc(1, 1000));
		execute();
	}
	descendants_lose(1000);
	loss_scrub();
	if (!strcmp(kind, "vfork")) {
		child = vfork();
		if (child == 0)
			execute();
	} else {
		child = fork();
		if (child == 0)
			be_child(kind);
	}
	int status = get_status(child);
	loss_scrub();
	return status;
}
