// SPDX-License-Identifier: Apache-2.0
// Leaks, output: where what `cairn leaks` has to say is written to.  OUTSIDE.
#include "cli/leaks_output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/whole_file.h"

// 0 or an errno value.
static int write_output(void *context, int fd)
{
	const struct leaks_output *output = context;
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	FILE *to = own < 0 ? NULL : fdopen(own, "w");
	if (!to)
		return errno;
	output->print(to, output->what);
	int error = fflush(to) != 0 || ferror(to) ? (errno ? errno : EIO) : 0;
	fclose(to);
	return error;
}

bool leaks_output_write(const char *path, const struct leaks_output *output, struct error *error)
{
	return whole_file_write(path, &(struct whole_file_contents){ write_output, (void *)output }, error);
}

static bool check_directory(const char *path, struct error *error)
{
	char directory[PATH_MAX];
	struct stat status;
	const char *end = strrchr(path, '/');
	if (stat(path, &status) == 0 && !S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode))
		return true; // a device or a pipe
	int length = snprintf(directory, sizeof(directory), "%.*s", end ? (int)(end - path) + 1 : 1, end ? path : ".");
	if (length >= (int)sizeof(directory))
		return whole_file_fail(path, ENAMETOOLONG, error);
	return access(directory, W_OK | X_OK) == 0 || whole_file_fail(path, errno, error);
}

bool leaks_output_check(const struct leaks_request *request, struct error *error)
{
	const char *const paths[] = { request->log, request->junit, request->out };
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (paths[i] && strcmp(paths[i], "-") != 0 && !check_directory(paths[i], error))
			return false;
	return true;
}
