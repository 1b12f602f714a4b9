// SPDX-License-Identifier: Apache-2.0
/*
 * Sparkline: how a number went over time, a character for each moment.
 *
 * OUTSIDE.
 */
#ifndef CAIRN_REPORT_SPARKLINE_H
#define CAIRN_REPORT_SPARKLINE_H

#include <stddef.h>

#include "base/text.h"

#define SPARKLINE_MAX_MOMENTS 512

struct sparkline {
	double numbers[SPARKLINE_MAX_MOMENTS]; // a ring
	size_t num_ever; // so far; the last one is at (num_ever - 1) % SPARKLINE_MAX_MOMENTS
};

void sparkline_note(struct sparkline *sparkline, double number);

// The last max_columns moments or fewer; heights go from 0 to the largest that is shown.
void sparkline_add(struct text *text, const struct sparkline *sparkline, size_t max_columns);

// The largest of these.
double sparkline_get_largest(const struct sparkline *sparkline, size_t max_columns);

#endif
