// SPDX-License-Identifier: Apache-2.0
/*
 * Runs a program for scripts/bench, its output thrown away, and prints what it and what it started took.
 *
 * usage: usage [NAME=VALUE]... PROGRAM [ARGUMENT]...
 *
 * One line: seconds, seconds of the processor, peak of resident memory in KiB.  The settings are for the program alone.
 * A process keeps its peak when it executes a program, so one started by a large process, such as scripts/bench, would
 * begin with that one's.  This one is small.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void execute(char **words)
{
	int null = open("/dev/null", O_WRONLY);
	dup2(null, STDOUT_FILENO);
	for (; *words && strchr(*words, '='); words++)
		putenv(*words);
	if (*words)
		execvp(*words, words);
	perror(*words);
	_exit(127);
}

static double now_s(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double as_seconds(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
	struct rusage usage;
	int status;
	if (argc < 2) {
		fprintf(stderr, "usage: %s [NAME=VALUE]... PROGRAM [ARGUMENT]...\n", argv[0]);
		return 2;
	}
	double start_s = now_s();
	pid_t pid = fork();
	if (pid == 0)
		execute(argv + 1);
	if (pid < 0 || wait4(pid, &status, 0, &usage) != pid)
		return 1;
	printf("%.6f %.6f %ld\n", now_s() - start_s, as_seconds(usage.ru_utime) + as_seconds(usage.ru_stime), usage.ru_maxrss);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
