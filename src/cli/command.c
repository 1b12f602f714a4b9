// SPDX-License-Identifier: Apache-2.0
// Command: what all commands share.  OUTSIDE.
#include "cli/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
