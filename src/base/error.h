// SPDX-License-Identifier: Apache-2.0
/*
 * Error: why something did not work, for people.
 *
 * OUTSIDE.  Functions that can fail return false and fill in the caller's error: one line without a full
 * stop that names the file, process or field, what was found and, where it helps, what is accepted.  Only
 * the command line prints it, after "cairn: ".
 */
#ifndef CAIRN_BASE_ERROR_H
#define CAIRN_BASE_ERROR_H

#include <stdbool.h>

struct error {
	char message[1024];
};

// Fill in; returns false, so that a function can end with it.  What is too long is cut.  Bytes that a
// terminal would obey (control characters) are replaced by '?'.
bool error_set(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Put "what: " before the message.  Returns false.
bool error_prefix(struct error *error, const char *what);

#endif
