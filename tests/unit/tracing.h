// SPDX-License-Identifier: Apache-2.0
// Whether processes may be traced here: containers may forbid it.
#ifndef CAIRN_TESTS_TRACING_H
#define CAIRN_TESTS_TRACING_H

#include <signal.h>
#include <stdbool.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static inline bool can_trace(void)
{
	pid_t child = fork();
	if (child == 0)
		for (;;)
			pause();
	bool can = ptrace(PTRACE_SEIZE, child, NULL, NULL) == 0;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	if (!can)
		print_message("ptrace is not permitted here\n");
	return can;
}

#endif
