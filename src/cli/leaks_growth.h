// SPDX-License-Identifier: Apache-2.0
/*
 * Leaks by growth: what `cairn leaks --growth` and `cairn leaks OLD NEW` found, and the forms in which it is printed.
 *
 * OUTSIDE.
 */
#ifndef CAIRN_CLI_LEAKS_GROWTH_H
#define CAIRN_CLI_LEAKS_GROWTH_H

#include <stdint.h>
#include <stdio.h>

#include "base/text.h"
#include "cli/leaks.h"
#include "leaks/decision.h"
#include "report/view.h"

struct leaks_growth_row {
	const uint32_t *frames; // leaf first: indices of view->frames
	uint32_t num_frames;
	enum decision_state state;
	double bytes, error; // growth and its standard error: below 0 exact, NAN not known
	double chance;       // that some stack grows so by chance, at most; NAN: not known
	double kept_ns;      // what is counted was kept longer than that; 0: it does not matter
};

struct leaks_growth {
	const struct leaks_request *request;
	const struct view *view;
	struct leaks_growth_row *rows; // leaks first, each part by growth, the largest first
	size_t num_rows, num_leaks;
	struct leaks_growth_row total; // of leaks: bytes and error
	char heading[2048];            // lines
	char notes[4096];              // lines: what is to be known of the verdict; "": nothing
	const char *program; // of a process, as the next two
	uint32_t pid;
	uint64_t rate_bytes;
	bool is_exact;
	bool is_of_process;  // watched, else profiles are compared
	bool has_ended_early;
	double duration_ns;  // between the snapshots or profiles; 0: not known
	double watched_ns;   // that were asked for
	uint32_t num_snapshots;
	uint64_t num_units;  // of work done in between; 0: they were not counted
	size_t num_tests;    // that the chance is corrected for
	double least_bytes;  // a leak of less is not seen; 0: it is not a matter of bytes
	uint32_t least_samples; // what has fewer samples (exact: moments at which it allocates) is not seen
	bool is_too_small;   // the leaks are not above --max-growth
	const char *untold;  // why it cannot be told that it is clean; NULL: it can
};

enum leaks_status leaks_growth_get_status(const struct leaks_growth *found);

// "LEAK", "stopped" and so on.
const char *leaks_growth_get_state(const struct leaks_growth_row *row);
double leaks_growth_per_hour(const struct leaks_growth *found, double bytes);

// The verdict without what precedes it: "LEAK: grows by ...".
void leaks_growth_add_answer(struct text *text, const struct leaks_growth *found);

// Print to a stream that is checked by the caller.
void leaks_growth_print_text(FILE *to, const struct leaks_growth *found);
void leaks_growth_print_json(FILE *to, const struct leaks_growth *found);

// Order the rows, sum the leaks up, compare them with --max-growth, print it all to where the request says, and tell the status.
bool leaks_growth_report(struct leaks_growth *found, int *status, struct error *error);

#endif
