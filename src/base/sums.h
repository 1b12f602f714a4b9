// SPDX-License-Identifier: Apache-2.0
/*
 * Sums: values of profiles and their variances added up.
 *
 * OUTSIDE; any thread.  Values are anything that a file says, so sums stop at the largest number there is.
 */
#ifndef CAIRN_BASE_SUMS_H
#define CAIRN_BASE_SUMS_H

#include <math.h>
#include <stdint.h>

static inline int64_t sums_add(int64_t left, int64_t right)
{
	int64_t sum;
	return __builtin_add_overflow(left, right, &sum) ? (right < 0 ? INT64_MIN : INT64_MAX) : sum;
}

// How large a value is, be it below 0.
static inline uint64_t sums_size(int64_t value)
{
	return value < 0 ? -(uint64_t)value : (uint64_t)value;
}

// The standard error for a variance, as units.h wants it: below 0 is exact, NAN not known.
static inline double sums_error(double variance)
{
	return variance == 0 ? -1 : sqrt(variance);
}

#endif
