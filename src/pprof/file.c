// SPDX-License-Identifier: Apache-2.0
// File: a profile written to a file that appears whole or not at all.  OUTSIDE.
#include "pprof/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pprof/writer.h"

#define MAX_NUMBERS 100000

// 0 or an errno value.
static int write_contents(int fd, const struct file_contents *contents)
{
	struct arena arena;
	arena_init(&arena, WRITER_ARENA_BYTES + sizeof(struct writer) + 64);
	struct writer *writer = arena_get(&arena, sizeof(*writer));
	int error = ENOMEM;
	if (writer) {
		writer_begin(writer, &arena, fd);
		bool is_pushed = contents->push(contents->context, &writer->sink);
		error = writer_end(writer);
		if (!error && !is_pushed)
			error = EIO;
	}
	arena_deinit(&arena);
	return error;
}

// A device, a pipe, a directory or a symbolic link is not to be replaced by a file.
static bool is_special(const char *path)
{
	struct stat status;
	return lstat(path, &status) == 0 && !S_ISREG(status.st_mode);
}

static bool fail(const char *path, int reason, struct error *error)
{
	return error_set(error, "%s: could not be written: %s", path, strerror(reason));
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

static int write_file(const char *path, bool may_replace, const struct file_contents *contents)
{
	char *temporary = NULL;
	if (asprintf(&temporary, "%s.%d.tmp", path, (int)getpid()) < 0)
		return ENOMEM;
	unlink(temporary); // of a process before us with our pid
	int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int error = fd < 0 ? errno : write_contents(fd, contents);
	if (fd >= 0 && close(fd) != 0 && !error)
		error = errno;
	if (fd >= 0 && !error)
		error = put_in_place(temporary, path, may_replace);
	if (fd >= 0 && error)
		unlink(temporary);
	free(temporary);
	return error;
}

bool file_write(const char *path, const struct file_contents *contents, struct error *error)
{
	if (strcmp(path, "-") == 0) {
		int reason = write_contents(STDOUT_FILENO, contents);
		return reason == 0 || fail("standard output", reason, error);
	}
	if (is_special(path))
		return error_set(error, "%s: is not a regular file, and so is not replaced", path);
	int reason = write_file(path, true, contents);
	return reason == 0 || fail(path, reason, error);
}

bool file_write_next(const char *pattern, struct pattern_values *values, const struct file_contents *contents,
		     char path[PATH_MAX], struct error *error)
{
	bool has_number = pattern_has_number(pattern);
	int reason = EEXIST;
	for (int i = 0; i < MAX_NUMBERS && reason == EEXIST; i++) {
		struct text name = { .start = path, .size_bytes = PATH_MAX };
		values->number++;
		pattern_expand(&name, pattern, values, false);
		if (name.is_cut)
			return fail(path, ENAMETOOLONG, error);
		if (!has_number)
			return file_write(path, contents, error);
		if (access(path, F_OK) != 0)
			reason = write_file(path, false, contents);
	}
	return reason == 0 || fail(path, reason, error);
}
