// SPDX-License-Identifier: Apache-2.0
/*
 * Whole file: a file that appears whole or not at all.
 *
 * OUTSIDE; one thread.  It is written beside its place under another name, and renamed.
 */
#ifndef CAIRN_BASE_WHOLE_FILE_H
#define CAIRN_BASE_WHOLE_FILE_H

#include <stdbool.h>

#include "base/error.h"

// Who knows what is to be in it.  write returns 0 or an errno value; it does not close fd.
struct whole_file_contents {
	int (*write)(void *context, int fd);
	void *context;
};

// Write to path, replacing a regular file that is there; "-" is standard output.  A terminal, a pipe or another device that
// takes a stream, such as /dev/null, is written to.
bool whole_file_write(const char *path, const struct whole_file_contents *contents, struct error *error);

// Write a file that does not exist yet: 0 or an errno value, EEXIST if it does.
int whole_file_write_new(const char *path, const struct whole_file_contents *contents);

// The message about an errno value.  Returns false.
bool whole_file_fail(const char *path, int reason, struct error *error);

#endif
