// SPDX-License-Identifier: Apache-2.0
// Sentinel: a process that tells signals to our process group from signals to us.  OUTSIDE.
#include "launch/sentinel.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_MS 10

struct report {
	int signal;
	pid_t sender;
};

static void watch(int fd, pid_t parent)
{
	sigset_t all;
	siginfo_t info;
	sigfillset(&all);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "cairn-sentinel");
	dup2(fd, 0);
	close_range(1, ~0U, 0);
	while (getppid() == parent && sigwaitinfo(&all, &info) > 0) {
		const struct report report = { info.si_signo, info.si_pid };
		if (write(0, &report, sizeof(report)) != (ssize_t)sizeof(report))
			break;
	}
	_exit(0);
}

void sentinel_init(struct sentinel *sentinel)
{
	int ends[2];
	*sentinel = (struct sentinel){ 0, -1 };
	if (pipe2(ends, O_CLOEXEC) != 0)
		return;
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	pid_t parent = getpid(), pid = fork();
	if (pid == 0)
		watch(ends[1], parent);
	close(ends[1]);
	if (pid > 0)
		*sentinel = (struct sentinel){ pid, ends[0] };
	else
		close(ends[0]);
}

void sentinel_deinit(struct sentinel *sentinel)
{
	if (!sentinel->pid)
		return;
	kill(sentinel->pid, SIGKILL);
	waitpid(sentinel->pid, NULL, 0);
	close(sentinel->fd);
	*sentinel = (struct sentinel){ 0, -1 };
}

bool sentinel_has_seen(struct sentinel *sentinel, int signal, pid_t sender)
{
	struct pollfd ready = { .fd = sentinel->fd, .events = POLLIN };
	struct report report;
	while (sentinel->pid && poll(&ready, 1, WAIT_MS) > 0) {
		// What was reported before was for the group, and needed no answer.
		if (read(sentinel->fd, &report, sizeof(report)) != (ssize_t)sizeof(report))
			return false;
		if (report.signal == signal && report.sender == sender)
			return true;
	}
	return false;
}
