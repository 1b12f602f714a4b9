// SPDX-License-Identifier: Apache-2.0
/*
 * Diff: what `cairn diff` was asked for, and the growth that it shows; the forms in which it is printed.
 *
 * OUTSIDE.
 */
#ifndef CAIRN_CLI_DIFF_H
#define CAIRN_CLI_DIFF_H

#include <stdio.h>

#include "cli/viewing.h"
#include "report/growth.h"

struct diff {
	// Asked for.
	const char *names[2]; // old, new
	struct viewing viewing;
	enum growth_subject subject;
	double confidence;
	bool is_all;     // also what is within noise
	size_t max_rows; // SIZE_MAX: no limit

	// Made of it.
	struct view *view;
	struct growth growth;
	bool is_estimate;    // else values are exact, or it is not known how sure they are:
	bool has_no_errors;
	bool is_one_process; // both profiles say that they are of it
};

// Print to a stream that is checked by the caller.
void diff_print_text(FILE *to, const struct diff *diff);
void diff_print_json(FILE *to, const struct diff *diff);
void diff_print_csv(FILE *to, const struct diff *diff);

// "appeared", "vanished", "changed" or "unchanged".
const char *diff_get_state(const struct growth_change *change);

#endif
