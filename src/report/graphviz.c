// SPDX-License-Identifier: Apache-2.0
// Graphviz: its program dot, run as a child.  OUTSIDE.
#include "report/graphviz.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

// All three are files, so neither side ever waits for the other to read.
static bool start(const char *format, const int files[3], pid_t *pid, struct error *error)
{
	posix_spawn_file_actions_t actions;
	char option[16];
	snprintf(option, sizeof(option), "-T%s", format);
	char *argv[] = { (char[]){ "dot" }, option, NULL };
	posix_spawn_file_actions_init(&actions);
	for (int i = 0; i < 3; i++)
		posix_spawn_file_actions_adddup2(&actions, files[i], i);
	int reason = posix_spawnp(pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (reason == ENOENT)
		return error_set(error, "dot, which draws graphs, is not installed: it is in the package graphviz");
	return reason == 0 || error_set(error, "dot could not be started: %s", strerror(reason));
}

static bool check_end(int status, int picture, int messages, struct error *error)
{
	char line[256];
	ssize_t length = pread(messages, line, sizeof(line) - 1, 0);
	line[length > 0 ? length : 0] = 0;
	line[strcspn(line, "\n")] = 0;
	if (WIFSIGNALED(status))
		return error_set(error, "dot was ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status) == 0)
		return lseek(picture, 0, SEEK_END) > 0 || error_set(error, "dot drew nothing");
	return error_set(error, "dot failed with status %d: %s", WEXITSTATUS(status), *line ? line : "it said nothing");
}

static bool run(const char *format, const int files[3], struct error *error)
{
	struct sigaction by_default = { .sa_handler = SIG_DFL }, before;
	pid_t pid;
	int status;
	sigaction(SIGCHLD, &by_default, &before); // ignored, it would leave nothing to wait for
	bool is_started = start(format, files, &pid, error);
	while (is_started && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			is_started = error_set(error, "dot could not be waited for: %s", strerror(errno));
	sigaction(SIGCHLD, &before, NULL);
	return is_started && check_end(status, files[1], files[2], error);
}

bool graphviz_draw(const char *format, int dot, int picture, struct error *error)
{
	int messages = memfd_create("messages of dot", MFD_CLOEXEC);
	if (messages < 0)
		return error_set(error, "no memory for what dot says: %s", strerror(errno));
	bool is_drawn = run(format, (const int[]){ dot, picture, messages }, error);
	close(messages);
	return is_drawn;
}
