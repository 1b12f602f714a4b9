// SPDX-License-Identifier: Apache-2.0
/*
 * Variance: how sure the values of a sampled profile are, told from the values themselves.
 *
 * profile.proto has no place for standard errors, but for what they follow from: the values were scaled up from
 * samples of a process that is known.
 *
 * OUTSIDE; any thread.
 */
#ifndef CAIRN_REPORT_VARIANCE_H
#define CAIRN_REPORT_VARIANCE_H

#include "profile/profile.h"

// The variances of the values of one stack; 0: exact, NAN: not known.
//
// Heap profiles (period type space/bytes, types NAMEobjects and NAMEspace): each byte is sampled with
// probability 1/period, so a block of s bytes with p = 1 - exp(-s/period), and stands for 1/p blocks: the variance of a
// count N is N (1 - p)/p, of its bytes that times s^2 (Horvitz and Thompson, with one block's variance
// estimated as (1 - p)/p^2 for each sample).  s is the mean size of the stack's blocks.  Where sizes differ, the variance of
// the bytes is too large rather than too small: s^2 (1 - p)/p is concave up to its maximum at 1.6 periods, and that
// is taken for larger blocks, unless there is but one.  That of the count is then too small (1/s is
// convex), and no values of a profile tell how much: compare counts of stacks whose blocks have a size of their own.
// CPU profiles (types in samples/count and cpu/nanoseconds): samples are a Poisson process, so that of a value is
// itself times what one sample is worth.
void variance_estimate(const struct profile_description *description, const int64_t *values, double *variances);

#endif
