// SPDX-License-Identifier: Apache-2.0
/*
 * Chance: how likely two estimates, or counts, of the same thing are as far apart as two are.
 *
 * OUTSIDE; any thread.
 */
#ifndef CAIRN_REPORT_CHANCE_H
#define CAIRN_REPORT_CHANCE_H

#include <stdint.h>

// The probability, at most, that two estimates which are told by old and new, and whose variances add up to variance,
// differ by as much or more in either direction where nothing changed; 0: they are exact and differ.  worth is how much
// one sample of something small is worth.
//
// Estimates of few samples are far from normal, so it is the smaller of two bounds of Chernoff's kind
// (Boucheron, Lugosi, Massart, Concentration Inequalities, 2.2 and 2.4), which hold for any number of samples:
// - Of n = (old + new)/worth samples each is on either side with probability 1/2.  Sampled bytes hold that too
//   where blocks are large: an estimate is what one expects of the number of sampled bytes, given which blocks are hit, so it
//   spreads less than that number.  Ten samples on one side only: 2^-9.
// - The difference has the variance, and is made up of pieces of which those much larger than worth are missed with a probability
//   that falls like exp(-piece/worth): a sub-gamma variable with that scale.  Near the normal distribution for many samples.
double chance_of_difference(double old, double new, double variance, double worth);

// The probability that of came + went tosses of a coin came or more show heads (a sign test): exact.
double chance_of_majority(uint32_t came, uint32_t went);

#endif
