// SPDX-License-Identifier: Apache-2.0
// Whole file: a file that appears whole or not at all.  OUTSIDE.
#include "base/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// A device, a pipe, a directory or a symbolic link is not to be replaced by a file.
static bool is_special(const char *path)
{
	struct stat status;
	return lstat(path, &status) == 0 && !S_ISREG(status.st_mode);
}

// 0 or an errno value.
static int put_in_place(const char *temporary, const char *path, bool may_replace)
{
	int result = may_replace ? rename(temporary, path)
				 : renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE);
	if (result == 0)
		return 0;
	if (may_replace || (errno != EINVAL && errno != ENOSYS))
		return errno;
	return link(temporary, path) == 0 ? (unlink(temporary), 0) : errno; // a file system that knows rename() only
}

// What a signal that ends the program must not leave behind.
static char *volatile unfinished;

static void remove_unfinished(int signal)
{
	if (unfinished)
		unlink(unfinished);
	raise(signal); // with what it did before (SA_RESETHAND)
}

static const int ending_signals[] = { SIGHUP, SIGINT, SIGTERM, SIGXFSZ };
#define NUM_ENDING_SIGNALS (sizeof(ending_signals) / sizeof(*ending_signals))

// Signals that are ignored, or that somebody else handles, stay as they are.
static void guard(struct sigaction *before)
{
	const struct sigaction removing = { .sa_handler = remove_unfinished, .sa_flags = (int)(SA_RESETHAND | SA_NODEFER) };
	for (size_t i = 0; i < NUM_ENDING_SIGNALS; i++) {
		sigaction(ending_signals[i], NULL, &before[i]);
		if (!(before[i].sa_flags & SA_SIGINFO) && before[i].sa_handler == SIG_DFL)
			sigaction(ending_signals[i], &removing, NULL);
	}
}

static void stop_guarding(const struct sigaction *before)
{
	for (size_t i = 0; i < NUM_ENDING_SIGNALS; i++)
		sigaction(ending_signals[i], &before[i], NULL);
}

static int write_file(const char *path, bool may_replace, const struct whole_file_contents *contents)
{
	char *temporary = NULL;
	if (asprintf(&temporary, "%s.%d.tmp", path, (int)getpid()) < 0)
		return ENOMEM;
	struct sigaction before[NUM_ENDING_SIGNALS];
	unlink(temporary); // of a process before us with our pid
	unfinished = temporary;
	guard(before);
	int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int error = fd < 0 ? errno : contents->write(contents->context, fd);
	if (fd >= 0 && close(fd) != 0 && !error)
		error = errno;
	if (fd >= 0 && !error)
		error = put_in_place(temporary, path, may_replace);
	if (fd >= 0 && error)
		unlink(temporary);
	stop_guarding(before);
	unfinished = NULL;
	free(temporary);
	return error;
}

bool whole_file_fail(const char *path, int reason, struct error *error)
{
	return error_set(error, "%s: could not be written: %s", path, strerror(reason));
}

// The descriptor that a path such as /dev/stderr or /dev/fd/3 stands for; -1: it is another path.  To open that would begin at
// the start of a file that others are writing to.
static int find_descriptor(const char *path)
{
	char *end;
	if (strcmp(path, "/dev/stdout") == 0 || strcmp(path, "/dev/stderr") == 0)
		return path[8] == 'o' ? STDOUT_FILENO : STDERR_FILENO;
	const char *number = strncmp(path, "/dev/fd/", 8) == 0 ? path + 8 : strncmp(path, "/proc/self/fd/", 14) == 0 ? path + 14 : "";
	long fd = strtol(number, &end, 10);
	return *number >= '0' && *number <= '9' && !*end && fd <= INT_MAX ? (int)fd : -1;
}

// A terminal, /dev/null, a pipe, a descriptor: 0 or an errno value; -1 if it is something else.
static int write_stream(const char *path, const struct whole_file_contents *contents)
{
	struct stat status;
	int own = find_descriptor(path);
	if (own >= 0)
		return contents->write(contents->context, own);
	if (stat(path, &status) != 0 || !(S_ISCHR(status.st_mode) || S_ISFIFO(status.st_mode)))
		return -1;
	int fd = open(path, O_WRONLY | O_APPEND | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	int reason = contents->write(contents->context, fd);
	return close(fd) != 0 && !reason ? errno : reason;
}

bool whole_file_write(const char *path, const struct whole_file_contents *contents, struct error *error)
{
	if (strcmp(path, "-") == 0) {
		int reason = contents->write(contents->context, STDOUT_FILENO);
		return reason == 0 || whole_file_fail("standard output", reason, error);
	}
	int reason = is_special(path) || find_descriptor(path) >= 0 ? write_stream(path, contents) : write_file(path, true, contents);
	if (reason < 0)
		return error_set(error, "%s: is not a regular file, and so is not replaced", path);
	return reason == 0 || whole_file_fail(path, reason, error);
}

int whole_file_write_new(const char *path, const struct whole_file_contents *contents)
{
	return write_file(path, false, contents);
}
