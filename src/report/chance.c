// SPDX-License-Identifier: Apache-2.0
// Chance: how likely two estimates of the same thing are as far apart.  OUTSIDE.
#include "report/chance.h"

#include <math.h>

// n log(2n/all): what n of all samples tell against n having been half of them.
static double part_of_evidence(double n, double all)
{
	return n > 0 ? n * log(2 * n / all) : 0;
}

// The exponents of the two bounds.
static double evidence_of_share(double old, double new, double worth)
{
	if (old < 0 || new < 0) // differences themselves, of which the samples cannot be told
		return 0;
	return (part_of_evidence(old, old + new) + part_of_evidence(new, old + new)) / worth;
}

static double evidence_of_spread(double difference, double variance, double worth)
{
	double excess = worth * difference / variance;
	return difference * difference / variance / (1 + excess + sqrt(1 + 2 * excess));
}

double chance_of_difference(double old, double new, double variance, double worth)
{
	double difference = fabs(new - old);
	if (difference == 0)
		return 1;
	if (variance == 0)
		return 0;
	double evidence = fmax(evidence_of_share(old, new, worth), evidence_of_spread(difference, variance, worth));
	return fmin(1, 2 * exp(-evidence));
}

// The terms of the binomial distribution from came heads up, each from the one before.
double chance_of_majority(uint32_t came, uint32_t went)
{
	int sign;
	double all = (double)came + went, sum = 0;
	double term = exp(lgamma_r(all + 1, &sign) - lgamma_r(came + 1.0, &sign) - lgamma_r(went + 1.0, &sign) - all * M_LN2);
	for (uint32_t tails = went;; tails--) {
		sum += term;
		if (tails == 0)
			return fmin(1, sum);
		term *= tails / (all - tails + 1);
	}
}
