// SPDX-License-Identifier: Apache-2.0
/*
 * Report: what `cairn report` was asked for, and the view that it shows; the forms in which it is printed.
 *
 * OUTSIDE.
 */
#ifndef CAIRN_CLI_REPORT_H
#define CAIRN_CLI_REPORT_H

#include <stdio.h>

#include "cli/viewing.h"
#include "report/about.h"
#include "report/by_label.h"
#include "report/ranking.h"

struct report {
	// Asked for.
	struct viewing viewing;
	const char *label; // NULL: functions and stacks, not the values of a label
	enum ranking_order order;
	uint32_t num_functions, num_stacks; // to print; UINT32_MAX: all
	const char *out;                    // "-": standard output

	// Made of it.
	const struct store *store;
	struct view *view;
	struct view *lines; // the same by lines, for people; NULL: not wanted
	struct about about;
	struct by_label by_label; // if label is set
};

// Print to a stream that is checked by the caller.
void report_print_text(FILE *to, const struct report *report);
void report_print_json(FILE *to, const struct report *report); // all functions and stacks
void report_print_csv(FILE *to, const struct report *report);
void report_print_folded(FILE *to, const struct report *report); // all stacks

#endif
