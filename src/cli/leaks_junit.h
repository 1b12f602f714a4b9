// SPDX-License-Identifier: Apache-2.0
/*
 * Leaks, JUnit: a verdict as CI systems show test results.
 *
 * OUTSIDE.  Strings may hold any bytes.
 */
#ifndef CAIRN_CLI_LEAKS_JUNIT_H
#define CAIRN_CLI_LEAKS_JUNIT_H

#include <stddef.h>

#include "cli/leaks.h"
#include "report/view.h"

struct junit_failure {
	char *name;    // the same in the next run: without numbers
	char *type;    // "definite", "growth"
	char *message; // in one line
	char *text;    // the stack
};

struct junit {
	const char *subject; // what was looked at
	enum leaks_status answer;
	char *message;       // why, if it could not be told
	char *program_failure; // how the program itself failed; NULL: it did not
	struct junit_failure *failures; // one for each stack that makes it a leak
	size_t num_failures;
};

void junit_init(struct junit *junit, const char *subject, enum leaks_status answer, const char *message);
void junit_deinit(struct junit *junit);

// Takes the strings, which came from malloc().
void junit_add(struct junit *junit, const struct junit_failure *failure);

// The name of a stack, leaf first: "kind: a < b < c < d ..."; to be given back with free().
char *junit_create_name(const char *kind, const struct view *view, const uint32_t *frames, uint32_t num_frames);

// Write the file.
bool junit_write(const char *path, const struct junit *junit, struct error *error);

#endif
