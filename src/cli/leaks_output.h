// SPDX-License-Identifier: Apache-2.0
/*
 * Leaks, output: where what `cairn leaks` has to say is written to.
 *
 * OUTSIDE.
 */
#ifndef CAIRN_CLI_LEAKS_OUTPUT_H
#define CAIRN_CLI_LEAKS_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/leaks.h"

// Who prints to a stream, which is checked here.
struct leaks_output {
	void (*print)(FILE *to, const void *what);
	const void *what;
};

// Can the files that were asked for be written?  For before it all begins.
bool leaks_output_check(const struct leaks_request *request, struct error *error);

// Write to path, as whole_file_write() does.
bool leaks_output_write(const char *path, const struct leaks_output *output, struct error *error);

#endif
