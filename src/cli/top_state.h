// SPDX-License-Identifier: Apache-2.0
/*
 * State of `cairn top`: the target, its board and what of it is to be seen; and the lines of text that all ways of
 * showing it share.
 *
 * OUTSIDE; one thread.  All text is harmless on a terminal.
 */
#ifndef CAIRN_CLI_TOP_STATE_H
#define CAIRN_CLI_TOP_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "report/ages.h"
#include "report/board.h"
#include "report/filter.h"
#include "report/sparkline.h"
#include "symbolize/names.h"
#include "target/target.h"

#define TOP_MAX_LINE_BYTES 4096

struct top_options {
	int64_t interval_ns;
	uint32_t limit; // rows, or sites in files; 0: all
	uint32_t count; // moments; 0: until the process ends
	enum board_column sort;
	const char *filter;
};

struct top {
	struct target *target;
	struct names *names;
	struct board board;
	struct ages ages;
	struct filter filter;
	struct sparkline history; // of live bytes
	enum board_column sort;
	uint32_t *shown; // rows of the board that pass the filter, sorted
	uint32_t num_shown;
	uint64_t resident_bytes; // of the process; 0: not known
	uint64_t start_ticks;    // of the ledger that the names are of
	bool has_ended;          // the process is gone; what is shown is its end
};

// The target's first copy is taken in; it is the caller's, and stays open until top_deinit() is over.
bool top_init(struct top *top, struct target *target, const struct top_options *options, struct error *error);
void top_deinit(struct top *top);

// Take a new copy and what follows from it.  False if there is none: the last one stays, and the process has
// ended or will be asked again.
bool top_refresh(struct top *top, struct error *error);

// Sort and filter again, after a change of either.
void top_arrange(struct top *top);

// The process's id as seen from here or, if it is gone or not to be seen, as it was to itself.
uint32_t top_get_pid(const struct top *top);

const struct board_row *top_get_row(const struct top *top, uint32_t number); // number < num_shown

// Live bytes and so on of what is shown, if not all is.
struct board_value top_sum_shown(const struct top *top, enum board_column column);

// "growth (pid 1234)  running for 3h02m  one sample in 512 KiB".
void top_add_title(struct text *text, const struct top *top);
// "live 1.21 GiB ±0.04  peak ...".
void top_add_totals(struct text *text, const struct top *top);
// "12,345 samples  1,023 sites  nothing lost".
void top_add_counts(struct text *text, const struct top *top);

// The titles, and a row, of a table of these columns and the name of the site.
void top_add_titles(struct text *text, const struct top *top, const enum board_column *columns, size_t num_columns);
void top_add_row(struct text *text, const struct top *top, const struct board_row *row,
		 const enum board_column *columns, size_t num_columns, size_t name_columns);

#endif
