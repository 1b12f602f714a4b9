// SPDX-License-Identifier: Apache-2.0
// Command: what all commands share.  OUTSIDE.
#include "cli/command.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PROGRESS_AFTER_NS INT64_C(500000000)
#define PROGRESS_EVERY_NS INT64_C(100000000)

void command_parse_or_end(const struct argp *argp, int argc, char **argv, unsigned flags, void *input, int status)
{
	static char name[64];
	snprintf(name, sizeof(name), "cairn %s", argv[0]);
	argv[0] = name;
	argp_err_exit_status = status;
	error_t error = argp_parse(argp, argc, argv, flags, NULL, input);
	if (error) {
		fprintf(stderr, "cairn: %s\n", strerror(error));
		exit(status);
	}
}

void command_parse(const struct argp *argp, int argc, char **argv, unsigned flags, void *input)
{
	command_parse_or_end(argp, argc, argv, flags, input, COMMAND_MISUSED);
}

int command_fail(const struct error *error)
{
	fprintf(stderr, "cairn: %s\n", error->message);
	return COMMAND_FAILED;
}

bool command_may_colour(FILE *stream)
{
	const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");
	return isatty(fileno(stream)) && !(no_colour && *no_colour) && !(terminal && strcmp(terminal, "dumb") == 0);
}

static struct {
	int64_t next_ns; // 0: nothing is under way
	bool is_shown;
} progress;

void command_show_progress(const char *what, size_t num_done, size_t num_all)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	int64_t now_ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
	if (!progress.next_ns)
		progress.next_ns = now_ns + PROGRESS_AFTER_NS;
	if (now_ns < progress.next_ns || !isatty(STDERR_FILENO))
		return;
	progress.next_ns = now_ns + PROGRESS_EVERY_NS;
	progress.is_shown = true;
	fprintf(stderr, "\rcairn: %zu of %zu %s", num_done, num_all, what);
}

void command_end_progress(void)
{
	if (progress.is_shown)
		fprintf(stderr, "\r%*s\r", 60, "");
	progress.next_ns = 0;
	progress.is_shown = false;
}
