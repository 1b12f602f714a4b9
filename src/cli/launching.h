// SPDX-License-Identifier: Apache-2.0
/*
 * Launching: what a program needs that is started with the library preloaded: its environment, the library, and a
 * directory for the ledgers of its processes.
 *
 * OUTSIDE; one thread.
 */
#ifndef CAIRN_CLI_LAUNCHING_H
#define CAIRN_CLI_LAUNCHING_H

#include <limits.h>
#include <stdbool.h>

#include "base/error.h"

// The variables that options set, in the program's environment; from LAUNCHING_FIRST_FLAG on they are 1 or not set.
enum launching_variable {
	LAUNCHING_OUT,
	LAUNCHING_RATE,
	LAUNCHING_LEDGER,
	LAUNCHING_INTERVAL,
	LAUNCHING_SIGNAL,
	LAUNCHING_DUMP_GROWTH,
	LAUNCHING_KEEP,
	LAUNCHING_MEMORY,
	LAUNCHING_ONLY,
	LAUNCHING_SEED,
	LAUNCHING_FIRST_FLAG,
	LAUNCHING_PEAK = LAUNCHING_FIRST_FLAG,
	LAUNCHING_FATAL,
	LAUNCHING_VERBOSE,
	LAUNCHING_VERIFY_STACKS,
	LAUNCHING_NUM_VARIABLES,
};

extern const char *const launching_variables[LAUNCHING_NUM_VARIABLES];

struct launching {
	// Asked for.
	const char *values[LAUNCHING_NUM_VARIABLES]; // NULL: as in the environment; "": as if it were not there
	bool is_first_only, is_forced;
	char library[PATH_MAX]; // "": to be found

	// Made of it.
	char *path;               // of the program
	char directory[PATH_MAX]; // of the ledgers; "": there is none yet
	bool is_linked;           // library is a link in it
};

// What counts for a variable: what was given, else what is in the environment; NULL: nothing.
const char *launching_get_value(const struct launching *launching, enum launching_variable variable);

// Set up what a program needs; false, with the status to end with: own_failure unless it is the program that cannot be
// executed.  launching_deinit() in any case.
bool launching_init(struct launching *launching, const char *program, int own_failure, int *status, struct error *error);

// In the child (child.prepare; the context is a struct launching): the variables, and the library before what is
// preloaded already.
void launching_set_environment(void *context);

// When the program has ended and all that it left is in safety: from here on signals may end this program.
void launching_let_signals_end_us(void);

// The directory goes if it is empty; has_more: somebody is going to load the library yet.
void launching_deinit(struct launching *launching, bool has_more);

#endif
