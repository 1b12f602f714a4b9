// SPDX-License-Identifier: Apache-2.0
/*
 * Child: a program run as if this process were not between it and its caller.
 *
 * It gets our descriptors, process group, signal mask and actions, and signals that are sent to us.  A signal that is
 * sent to the whole process group (or comes from the terminal) reaches the child anyway and is not sent again.  When
 * it stops we stop, and when we are continued it is.
 *
 * OUTSIDE; for a process with one thread, once.
 */
#ifndef CAIRN_LAUNCH_CHILD_H
#define CAIRN_LAUNCH_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "launch/tracer.h"

struct child {
	const char *path;
	char *const *argv;
	void (*prepare)(void *context); // called in the child before it executes path, to set its environment
	void *context;
	struct tracer *tracer; // NULL: it is not followed
	bool is_traced;            // written by child_run(): tracer follows it
	struct error why_untraced; // if there is a tracer and it does not, because tracing is not allowed here
	size_t num_left;           // written by child_run(): processes that tracer followed and that still run
	pid_t pid;
	int wait_status; // when it has ended, as waitpid() gives it
};

// Run it until it ends.  False, with the status that a shell would return, if it could not be executed.  Our standard
// input and output and all descriptors from 3 on are closed in this process: they are the child's alone.
bool child_run(struct child *child, int *status, struct error *error);

// End this process as the child ended: with its status, or by the same signal (without a core file of our own).
void child_end_alike(const struct child *child) __attribute__((noreturn));

#endif
