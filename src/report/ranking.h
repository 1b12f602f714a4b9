// SPDX-License-Identifier: Apache-2.0
/*
 * Ranking: which frames of a view have most of the value that is asked for.
 *
 * OUTSIDE; one thread.
 */
#ifndef CAIRN_REPORT_RANKING_H
#define CAIRN_REPORT_RANKING_H

#include "report/view.h"

enum ranking_order {
	RANKING_FLAT,
	RANKING_CUM,
};

struct ranking_row {
	uint32_t frame; // of the view
	int64_t flat;   // of the frame itself
	int64_t cum;    // with what it called; a stack counts once, however often the frame is in it
	double flat_error, cum_error; // standard errors; below 0: exact, NAN: not known
};

struct ranking {
	struct ranking_row *rows; // of frames in stacks whose value is not 0, largest first (be it below 0)
	uint32_t num_rows;
};

// Of side 0.  The same view gives the same order.
void ranking_init(struct ranking *ranking, const struct view *view, enum ranking_order order);
void ranking_deinit(struct ranking *ranking);

#endif
