// SPDX-License-Identifier: Apache-2.0
/*
 * Pattern: names of profiles, as CAIRN_OUT describes them.
 *
 * BOTH worlds, any thread, signal handlers too: no allocation.
 */
#ifndef CAIRN_CONTROL_PATTERN_H
#define CAIRN_CONTROL_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct pattern_values {
	uint64_t pid;        // %p
	uint32_t number;     // %n, at least four digits
	const char *program; // %e
	int64_t time_s;      // %t, since 1970
	const char *host;    // %h
};

// False if there is a '%' that is not followed by one of "pneth%".
bool pattern_is_valid(const char *pattern);

// True if each number gives a name of its own.
bool pattern_has_number(const char *pattern);

// Add the name to path.  That of a peak has ".peak" before its ".pb.gz", or at the end.
void pattern_expand(struct text *path, const char *pattern, const struct pattern_values *values, bool is_peak);

#endif
