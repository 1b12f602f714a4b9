// SPDX-License-Identifier: Apache-2.0
/*
 * Writes all that a process inherits, one thing to a line, to the file that the first argument names: descriptors,
 * signals, limits, environment, and where it belongs.  Its own pid and its parent's are left out.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

enum { MAX_DESCRIPTORS = 1024 };

extern char **environ;

// What a descriptor was, taken before any is opened here.
static struct {
	int flags; // -1: closed
	int status_flags;
	struct stat status;
	off_t position;
} descriptors[MAX_DESCRIPTORS];

static void look_at_descriptors(void)
{
	for (int fd = 0; fd < MAX_DESCRIPTORS; fd++) {
		descriptors[fd].flags = fcntl(fd, F_GETFD);
		if (descriptors[fd].flags < 0)
			continue;
		descriptors[fd].status_flags = fcntl(fd, F_GETFL);
		descriptors[fd].position = lseek(fd, 0, SEEK_CUR);
		fstat(fd, &descriptors[fd].status);
	}
}

static void print_descriptors(FILE *file)
{
	for (int fd = 0; fd < MAX_DESCRIPTORS; fd++)
		if (descriptors[fd].flags >= 0)
			fprintf(file, "descriptor %d: flags %d, %o, device %lx, inode %lu, at %ld\n", fd, descriptors[fd].flags,
				(unsigned)descriptors[fd].status_flags, (long)descriptors[fd].status.st_dev,
				(unsigned long)descriptors[fd].status.st_ino, (long)descriptors[fd].position);
}

static void print_set(FILE *file, const char *name, const sigset_t *set)
{
	fprintf(file, "%s:", name);
	for (int number = 1; number <= SIGRTMAX; number++)
		if (sigismember(set, number) == 1)
			fprintf(file, " %d", number);
	fprintf(file, "\n");
}

static void print_signals(FILE *file)
{
	sigset_t set;
	sigprocmask(SIG_SETMASK, NULL, &set);
	print_set(file, "blocked", &set);
	sigpending(&set);
	print_set(file, "pending", &set);
	for (int number = 1; number <= SIGRTMAX; number++) {
		struct sigaction action;
		if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_DFL)
			fprintf(file, "signal %d: %s, flags %x\n", number, action.sa_handler == SIG_IGN ? "ignored" : "handled",
				(unsigned)action.sa_flags);
	}
}

static void print_limits(FILE *file)
{
	for (int number = 0; number < (int)RLIMIT_NLIMITS; number++) {
		struct rlimit limit = { 0, 0 };
		getrlimit(number, &limit);
		fprintf(file, "limit %d: %lx %lx\n", number, (long)limit.rlim_cur, (long)limit.rlim_max);
	}
	struct itimerval timer = { 0 };
	getitimer(ITIMER_REAL, &timer);
	fprintf(file, "timer: %s\n", timer.it_value.tv_sec || timer.it_value.tv_usec ? "runs" : "none");
	errno = 0;
	fprintf(file, "priority: %d, scheduler %d\n", getpriority(PRIO_PROCESS, 0), sched_getscheduler(0));
	cpu_set_t processors;
	sched_getaffinity(0, sizeof(processors), &processors);
	fprintf(file, "processors: %d\n", CPU_COUNT(&processors));
}

// The controlling terminal is field 7 of /proc/self/stat, its foreground group field 8.
static void print_place(FILE *file)
{
	char line[1024] = "", directory[4096] = "", *at;
	int terminal = 0, foreground = 0, unused;
	FILE *stat = fopen("/proc/self/stat", "r");
	if (stat && fgets(line, sizeof(line), stat) && (at = strrchr(line, ')')))
		sscanf(at + 4, "%d %d %d %d %d", &unused, &unused, &unused, &terminal, &foreground);
	if (stat)
		fclose(stat);
	fprintf(file, "group %d, session %d, terminal %d, foreground %d\n", getpgrp(), getsid(0), terminal, foreground);
	fprintf(file, "directory: %s\n", getcwd(directory, sizeof(directory)));
	mode_t mask = umask(0);
	umask(mask);
	fprintf(file, "umask: %o\n", (unsigned)mask);
	fprintf(file, "user %d %d, group %d %d, secure %lu\n", getuid(), geteuid(), getgid(), getegid(), getauxval(AT_SECURE));
	int number = 0;
	prctl(PR_GET_PDEATHSIG, &number);
	fprintf(file, "signal at the parent's death: %d\n", number);
	prctl(PR_GET_CHILD_SUBREAPER, &number);
	fprintf(file, "subreaper: %d, dumpable %d, no new privileges %d, timer slack %d, personality %x\n", number,
		prctl(PR_GET_DUMPABLE), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), prctl(PR_GET_TIMERSLACK), personality(0xffffffff));
	char name[17] = "";
	prctl(PR_GET_NAME, name);
	fprintf(file, "name: %s\n", name);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	look_at_descriptors();
	FILE *file = fopen(argv[1], "w");
	if (!file)
		return 2;
	for (int i = 0; i < argc; i++)
		if (i != 1)
			fprintf(file, "argument %d: %s\n", i, argv[i]);
	print_descriptors(file);
	print_signals(file);
	print_limits(file);
	print_place(file);
	for (char **variable = environ; *variable; variable++)
		fprintf(file, "variable %s\n", *variable);
	return fclose(file) ? 2 : 0;
}
