// SPDX-License-Identifier: Apache-2.0
/*
 * Board: the call sites of a ledger with what they hold now, how that has changed and how sure it is.
 *
 * It is updated from one copy of the ledger after another.  Rate is that of the last interval (after the first
 * copy: the mean since tallies began), growth is since a baseline (first the first copy).
 *
 * OUTSIDE; one thread.
 */
#ifndef CAIRN_REPORT_BOARD_H
#define CAIRN_REPORT_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "ledger/read.h"

#define BOARD_MAX_SITES (4 << 20) // further ones are in the total only

enum board_column {
	BOARD_LIVE,   // bytes
	BOARD_GROWTH, // bytes, live now less live at the baseline
	BOARD_RATE,   // bytes allocated a second
	BOARD_COUNT,  // live objects
	BOARD_AGE,    // of the oldest live block that is known, in ns; set by board_set_ages()
	BOARD_PEAK,   // bytes, when the whole heap was at its peak
	BOARD_NUM_COLUMNS,
};

struct board_value {
	double value;          // NAN: not known (yet)
	double standard_error; // below 0: it is no estimate
};

struct board_row {
	uint32_t site;
	struct board_value values[BOARD_NUM_COLUMNS];
};

// What a site's tallies were at a moment; of one that was not there all is 0.
struct board_moment {
	uint64_t live_bytes, allocated_bytes;
	double live_variance, allocated_variance, freed_variance;
};

struct board_site {
	struct board_moment last, baseline;
	uint64_t oldest_ticks; // birth of the oldest block, since the start; UINT64_MAX: none known
};

struct board {
	struct board_row *rows; // in the order of the sites until they are sorted
	uint32_t num_rows;
	struct board_row total; // of all rows; its age is the oldest
	bool is_estimate;
	bool has_interval; // the rate is that of the last interval, not the mean since the start

	// Of the board itself.
	struct board_site *sites; // by number
	uint32_t num_sites;       // that there is room for
	uint64_t start_ticks;     // of the ledger; another one is another ledger
	uint64_t copy_ticks;      // when the last copy was taken
	double ticks_per_ns;      // 0: not known
	int64_t epoch_time_ns;
	bool has_copy;
};

void board_init(struct board *board);
void board_deinit(struct board *board);

// Take a copy of the ledger that was made at now_ticks; ticks_per_ns 0: not known.  Another ledger than before
// begins the board anew.  False if there is no memory; the rows are as before then.
bool board_update(struct board *board, const struct ledger *ledger, uint64_t now_ticks, double ticks_per_ns,
		  struct error *error);

// The last copy becomes the baseline: growth begins again at 0.
void board_reset_baseline(struct board *board);

// Sort rows by a column, largest first; what is not known comes last.
void board_sort(struct board *board, enum board_column column);

// The births of the oldest blocks are kept from copy to copy.  To enter them anew, forget them and tell every live
// block's.  After an update and that, set the ages of the rows.
void board_forget_births(struct board *board);
void board_note_birth(struct board *board, uint32_t site, uint64_t birth_ticks);
void board_set_ages(struct board *board);

#endif
