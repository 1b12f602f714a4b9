// SPDX-License-Identifier: Apache-2.0
// Leaks, show: where a result is printed and written to.  OUTSIDE.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/whole_file.h"
#include "cli/leaks_result.h"
#include "pprof/file.h"

struct output {
	const struct leaks_result *result;
	void (*print)(FILE *to, const struct leaks_result *result);
};

// 0 or an errno value.
static int write_output(void *context, int fd)
{
	const struct output *output = context;
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	FILE *to = own < 0 ? NULL : fdopen(own, "w");
	if (!to)
		return errno;
	output->print(to, output->result);
	int error = fflush(to) != 0 || ferror(to) ? (errno ? errno : EIO) : 0;
	fclose(to);
	return error;
}

static bool write_file(const char *path, const struct output *output, struct error *error)
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

bool leaks_result_check(const struct leaks_request *request, struct error *error)
{
	const char *const paths[] = { request->log, request->junit, request->out };
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (paths[i] && strcmp(paths[i], "-") != 0 && !check_directory(paths[i], error))
			return false;
	return true;
}

bool leaks_result_show(const struct leaks_result *result, struct error *error)
{
	const struct leaks_request *request = result->request;
	struct output verdict = { result, request->form == LEAKS_JSON ? leaks_print_json : leaks_print_text };
	struct output junit = { result, leaks_print_junit };
	bool is_shown = true;
	if (request->argv && !request->log)
		verdict.print(stderr, result);
	else
		is_shown = write_file(request->log ? request->log : "-", &verdict, error);
	struct file_contents contents = file_contents_of(result->store);
	if (is_shown && request->out && !result->store->num_types)
		is_shown = error_set(error, "%s: not written: there is nothing to be in it", request->out);
	else if (is_shown && request->out)
		is_shown = file_write(request->out, &contents, error);
	return is_shown && (!request->junit || write_file(request->junit, &junit, error));
}
