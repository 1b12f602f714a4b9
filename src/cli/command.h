// SPDX-License-Identifier: Apache-2.0
/*
 * Command: what all commands of `cairn` share.
 *
 * OUTSIDE.  A command gets argv from its own name on.  It parses its options with argp (glibc), prints
 * results to stdout and errors to stderr as "cairn: what: why", and returns the exit status.
 */
#ifndef CAIRN_CLI_COMMAND_H
#define CAIRN_CLI_COMMAND_H

#include <argp.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"

enum command_status {
	COMMAND_DONE = 0,
	COMMAND_FAILED = 1,
	COMMAND_MISUSED = 2, // wrong options or arguments
};

struct command {
	const char *name;
	const char *summary; // for `cairn --help`
	int (*run)(int argc, char **argv);
};

// The commands, one file each.
int diff_main(int argc, char **argv);
int dump_main(int argc, char **argv);
int flame_main(int argc, char **argv);
int leaks_main(int argc, char **argv);
int list_main(int argc, char **argv);
int merge_main(int argc, char **argv);
int remove_main(int argc, char **argv);
int report_main(int argc, char **argv);
int run_main(int argc, char **argv);
int symbolize_main(int argc, char **argv);
int top_main(int argc, char **argv);

// Parse a command's options; wrong ones end the program with COMMAND_MISUSED.  argv[0] is shown as
// "cairn NAME".
void command_parse(const struct argp *argp, int argc, char **argv, unsigned flags, void *input);
// The same with another status.
void command_parse_or_end(const struct argp *argp, int argc, char **argv, unsigned flags, void *input, int status);

// Print "cairn: message" to stderr.  Returns COMMAND_FAILED.
int command_fail(const struct error *error);

// True if colours and other escape sequences may be written to this stream: it is a terminal, and neither is
// NO_COLOR set nor TERM=dumb.
bool command_may_colour(FILE *stream);

// Long work: show on stderr, if it is a terminal and the work takes more than a moment, how much is done.
void command_show_progress(const char *what, size_t num_done, size_t num_all);
void command_end_progress(void);

#endif
