// SPDX-License-Identifier: Apache-2.0
/*
 * Growth: how much more each stack or function has on side 1 of a view than on side 0, and what of that is more than
 * chance.
 *
 * Two profiles of one heap differ because each saw other samples.  Rows are called significant such that, if nothing
 * changed, there is one or more of them with a probability of at most 1 - confidence, however many rows there are (Holm's
 * procedure).  The samples of both sides are taken to be independent.  Those of two profiles of one process are partly
 * the same: then errors and chances are upper bounds.
 *
 * OUTSIDE; one thread.
 */
#ifndef CAIRN_REPORT_GROWTH_H
#define CAIRN_REPORT_GROWTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report/view.h"

enum growth_subject {
	GROWTH_OF_STACKS, // whatever their labels
	GROWTH_OF_FLAT,   // of frames themselves
	GROWTH_OF_CUM,    // of frames with what they called; a stack counts once, however often the frame is in it
};

// Values of both sides, of the type that is asked for.
struct growth_change {
	int64_t values[2];
	double variances[2]; // 0: exact, NAN: not known
};

struct growth_row {
	const uint32_t *frames; // a stack, leaf first, or one frame: indices of view->frames
	uint32_t num_frames;
	size_t number; // in the order of the view
	struct growth_change change;
	double chance; // that so much comes by chance, at most (chance.h); 0: certainly not, NAN: not known
	bool is_significant; // or it is not known how sure it is
};

struct growth {
	struct growth_row *rows; // significant ones first; each part by how large the growth is, be it below 0
	size_t num_rows;         // of which a side has a value that is not 0
	size_t num_significant;
	struct growth_change total; // of the view
	double total_chance;
	struct growth_change rest; // rows that are not significant, together; of GROWTH_OF_CUM they overlap, and it is all 0
	uint32_t *frames;          // of GROWTH_OF_FLAT and GROWTH_OF_CUM
};

// confidence is between 0 and 1.  The same view gives the same order.  The view has two sides, and must live as long.
void growth_init(struct growth *growth, const struct view *view, enum growth_subject subject, double confidence);
void growth_deinit(struct growth *growth);

// New minus old, and its standard error (below 0: exact; NAN: not known).
int64_t growth_get(const struct growth_change *change);
double growth_get_error(const struct growth_change *change);

#endif
