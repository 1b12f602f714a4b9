// SPDX-License-Identifier: Apache-2.0
/*
 * Ages: when the oldest live block of each site was allocated, from the table of live blocks.
 *
 * The table may be large, so it is read as often as a small share of one processor allows; between two readings
 * the oldest block of a site is taken to live on.
 *
 * OUTSIDE; one thread.
 */
#ifndef CAIRN_REPORT_AGES_H
#define CAIRN_REPORT_AGES_H

#include <stdint.h>

#include "report/board.h"
#include "target/target.h"

struct ages {
	int64_t next_time_ns; // CLOCK_MONOTONIC: not to be read again before
};

// After board_update(): read the table, if it is time, and set the ages of the rows.  Blocks that cannot be read
// have none; that is no error.
void ages_update(struct ages *ages, struct board *board, struct target *target);

#endif
