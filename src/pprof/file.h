// SPDX-License-Identifier: Apache-2.0
/*
 * File: a profile written to a file that appears whole or not at all.
 *
 * OUTSIDE.
 */
#ifndef CAIRN_PPROF_FILE_H
#define CAIRN_PPROF_FILE_H

#include <limits.h>
#include <stdbool.h>

#include "base/error.h"
#include "control/pattern.h"
#include "profile/profile.h"
#include "profile/store.h"

// What is to be written.  push gives it to the sink: false if it, or the sink, could not go on.
struct file_contents {
	bool (*push)(void *context, const struct profile_sink *sink);
	void *context;
};

// What store_push() pushes; the store must live as long.
struct file_contents file_contents_of(struct store *store);

// Write to path, replacing a regular file that is there; "-" is standard output.
bool file_write(const char *path, const struct file_contents *contents, struct error *error);

// Write to the name that the pattern gives, with the next number from values->number + 1 on whose file does not exist
// yet (the number is entered).  A pattern without number names one file, which is replaced.
bool file_write_next(const char *pattern, struct pattern_values *values, const struct file_contents *contents,
		     char path[PATH_MAX], struct error *error);

#endif
