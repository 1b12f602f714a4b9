// SPDX-License-Identifier: Apache-2.0
// Child: a program run as if this process were not there.  OUTSIDE.
#include "launch/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch/sentinel.h"

#define GRACE_NS INT64_C(100000000) // for those that the child leaves behind, to end too

// What was ours before, for the child.
struct inherited {
	sigset_t mask;
	struct sigaction on_child;
	int parent_death_signal; // 0: none
};

// As execvp() does, a file that is no program the kernel knows is a script of the shell.
static void execute(const struct child *child)
{
	execv(child->path, child->argv);
	if (errno != ENOEXEC)
		return;
	size_t num_arguments = 0;
	while (child->argv[num_arguments])
		num_arguments++;
	char **argv = calloc(num_arguments + 2, sizeof(*argv));
	if (!argv)
		return;
	argv[0] = (char[]){ "/bin/sh" };
	argv[1] = (char *)child->path;
	memcpy(argv + 2, child->argv + 1, num_arguments * sizeof(*argv));
	execv(argv[0], argv);
}

// Who waits for us says with one byte when it is ready for signals.
static void become_program(const struct child *child, const struct inherited *inherited, int report)
{
	char ready;
	if (read(report, &ready, 1) != 1)
		_exit(127);
	child->prepare(child->context);
	// Others we get, and pass on.
	if (inherited->parent_death_signal == SIGKILL)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGCHLD, &inherited->on_child, NULL);
	sigprocmask(SIG_SETMASK, &inherited->mask, NULL);
	execute(child);
	int error = errno;
	if (write(report, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(127);
}

// Numbers that are free would be taken by descriptors of ours, and with them what is done to 0, 1 and 2.
static void occupy_standard_descriptors(void)
{
	int fd;
	while ((fd = open("/dev/null", O_RDWR | O_CLOEXEC)) >= 0 && fd <= 2)
		;
	if (fd > 2)
		close(fd);
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

// The child's descriptors are not ours: a pipe must end when the child closes it.  Standard error stays, for what we
// have to say.
static void close_others(int a, int b)
{
	int kept[] = { 1, 2, a, b };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		dup2(null, 0);
		dup2(null, 1);
	}
	qsort(kept, 4, sizeof(int), compare);
	for (int i = 0; i < 4; i++) {
		int from = kept[i] + 1, limit = i < 3 ? kept[i + 1] : -1;
		if (kept[i] >= 2 && (limit < 0 || from < limit))
			close_range((unsigned)from, limit < 0 ? ~0U : (unsigned)limit - 1, 0);
	}
}

static void pass_on(const struct child *child, struct sentinel *sentinel, const struct signalfd_siginfo *info)
{
	bool is_of_sentinel = sentinel->pid && info->ssi_pid == (uint32_t)sentinel->pid;
	if (is_of_sentinel || sentinel_has_got(sentinel, (int)info->ssi_signo, (pid_t)info->ssi_pid))
		return;
	if (info->ssi_code != SI_QUEUE) {
		kill(child->pid, (int)info->ssi_signo);
		return;
	}
	siginfo_t queued = { .si_signo = (int)info->ssi_signo, .si_code = SI_QUEUE };
	queued.si_pid = (pid_t)info->ssi_pid;
	queued.si_uid = info->ssi_uid;
	queued.si_value.sival_ptr = (void *)(uintptr_t)info->ssi_ptr;
	syscall(SYS_rt_sigqueueinfo, child->pid, queued.si_signo, &queued);
}

// Whoever waits for us sees what it would see of the child, until that goes on.
static void stop(const struct child *child, struct sentinel *sentinel, int number)
{
	sigset_t one;
	sigemptyset(&one);
	sigaddset(&one, number);
	sentinel_watch(sentinel, child->pid);
	kill(getpid(), number);
	sigprocmask(SIG_UNBLOCK, &one, NULL); // here it stops
	sigprocmask(SIG_BLOCK, &one, NULL);
}

// True when it has ended.  Orphans come to us where we are the first process of a container.
static bool has_ended(struct child *child, struct sentinel *sentinel)
{
	int status, options = WNOHANG | WUNTRACED | (child->is_traced ? __WALL : 0);
	pid_t pid;
	while ((pid = waitpid(-1, &status, options)) > 0) {
		if (child->is_traced && tracer_take(child->tracer, pid, &status))
			continue;
		if (pid == child->pid && WIFSTOPPED(status)) {
			stop(child, sentinel, WSTOPSIG(status));
		} else if (pid == child->pid) {
			child->wait_status = status;
			return true;
		} else if (pid == sentinel->pid && !WIFSTOPPED(status)) {
			sentinel_note_end(sentinel);
		}
	}
	return false;
}

static void wait_for(struct child *child, int signals, struct sentinel *sentinel)
{
	struct signalfd_siginfo info;
	while (!has_ended(child, sentinel))
		if (read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info) && info.ssi_signo != SIGCHLD)
			pass_on(child, sentinel, &info);
}

static int begin(struct inherited *inherited)
{
	sigset_t all;
	struct sigaction by_default = { .sa_handler = SIG_DFL };
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &inherited->mask);
	inherited->parent_death_signal = 0;
	prctl(PR_GET_PDEATHSIG, &inherited->parent_death_signal);
	sigaction(SIGCHLD, &by_default, &inherited->on_child); // ignored, it would leave nothing to wait for
	return signalfd(-1, &all, SFD_CLOEXEC);
}

bool child_run(struct child *child, int *status, struct error *error)
{
	struct inherited inherited;
	struct sentinel sentinel;
	int report[2], reason = 0;
	*status = 125;
	occupy_standard_descriptors();
	int signals = begin(&inherited);
	if (signals < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, report) != 0)
		return error_set(error, "no descriptors: %s", strerror(errno));
	child->pid = fork();
	if (child->pid == 0) {
		close(report[0]);
		become_program(child, &inherited, report[1]);
	}
	if (child->pid < 0)
		return error_set(error, "no process: %s", strerror(errno));
	close(report[1]);
	close_others(report[0], signals);
	sentinel_init(&sentinel);
	child->is_traced = child->tracer && tracer_begin(child->tracer, child->pid, &child->why_untraced);
	send(report[0], "", 1, MSG_NOSIGNAL);
	bool has_failed = read(report[0], &reason, sizeof(reason)) == (ssize_t)sizeof(reason);
	close(report[0]);
	wait_for(child, signals, &sentinel);
	if (child->is_traced)
		child->num_left = tracer_release(child->tracer, GRACE_NS);
	sentinel_deinit(&sentinel);
	close(signals);
	*status = reason == ENOENT ? 127 : 126;
	return !has_failed || error_set(error, "%s: cannot be executed: %s", child->path, strerror(reason));
}

void child_end_alike(const struct child *child)
{
	if (WIFSIGNALED(child->wait_status)) {
		int number = WTERMSIG(child->wait_status);
		sigset_t one;
		prctl(PR_SET_DUMPABLE, 0); // a limit of 0 would not keep a core file from a program that collects them
		signal(number, SIG_DFL);
		sigemptyset(&one);
		sigaddset(&one, number);
		kill(getpid(), number);
		sigprocmask(SIG_UNBLOCK, &one, NULL);
	}
	exit(WIFSIGNALED(child->wait_status) ? 128 + WTERMSIG(child->wait_status) : WEXITSTATUS(child->wait_status));
}
