// SPDX-License-Identifier: Apache-2.0
// Sentinel: a process that tells signals to our process group from signals to us.  OUTSIDE.
#include "launch/sentinel.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "target/process.h"

#define WATCH_MS 20
#define ANSWER_MS 1000 // it is stopped, or the machine overloaded

struct question {
	int signal; // 0: watch the process instead
	pid_t sender;
};

// The kernel's queue remembers, and merges signals as it does ours.
static char has_pending(const struct question *question)
{
	static const struct timespec no_time;
	sigset_t one;
	siginfo_t info;
	sigemptyset(&one);
	sigaddset(&one, question->signal);
	return sigtimedwait(&one, &info, &no_time) > 0 && info.si_pid == question->sender;
}

// Until it goes on, or we are asked something: then our parent does.
static void watch(pid_t child, int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	while (process_is_stopped(child))
		if (poll(&ready, 1, WATCH_MS) != 0)
			return;
	kill(getppid(), SIGCONT);
}

// Until the other end is closed, also by the death of who has it.
static void answer(int fd)
{
	struct question question;
	prctl(PR_SET_NAME, "cairn-sentinel");
	dup2(fd, 0);
	close_range(1, ~0U, 0);
	while (read(0, &question, sizeof(question)) == (ssize_t)sizeof(question)) {
		if (!question.signal) {
			watch(question.sender, 0);
			continue;
		}
		char has_got = has_pending(&question);
		if (send(0, &has_got, 1, MSG_NOSIGNAL) != 1)
			break;
	}
	_exit(0);
}

void sentinel_init(struct sentinel *sentinel)
{
	int ends[2];
	*sentinel = (struct sentinel){ 0, -1 };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return;
	pid_t pid = fork();
	if (pid == 0)
		answer(ends[1]);
	close(ends[1]);
	if (pid > 0)
		*sentinel = (struct sentinel){ pid, ends[0] };
	else
		close(ends[0]);
}

void sentinel_note_end(struct sentinel *sentinel)
{
	close(sentinel->fd);
	*sentinel = (struct sentinel){ 0, -1 };
}

void sentinel_deinit(struct sentinel *sentinel)
{
	if (!sentinel->pid)
		return;
	kill(sentinel->pid, SIGKILL);
	waitpid(sentinel->pid, NULL, 0);
	sentinel_note_end(sentinel);
}

bool sentinel_has_got(struct sentinel *sentinel, int signal, pid_t sender)
{
	const struct question question = { signal, sender };
	struct pollfd ready = { .fd = sentinel->fd, .events = POLLIN };
	char has_got;
	if (!sentinel->pid || send(sentinel->fd, &question, sizeof(question), MSG_NOSIGNAL) != (ssize_t)sizeof(question))
		return false;
	if (poll(&ready, 1, ANSWER_MS) <= 0) {
		sentinel_deinit(sentinel); // a late answer would be taken for the next
		return false;
	}
	return read(sentinel->fd, &has_got, 1) == 1 && has_got;
}

void sentinel_watch(struct sentinel *sentinel, pid_t child)
{
	const struct question question = { 0, child };
	if (sentinel->pid)
		send(sentinel->fd, &question, sizeof(question), MSG_NOSIGNAL);
}
