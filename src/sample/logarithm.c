// SPDX-License-Identifier: Apache-2.0
// Logarithm and exponential for the sampler.  INSIDE.
#include "sample/logarithm.h"

#include <stdint.h>
#include <string.h>

static const double LN2 = 0.693147180559945309417;

// x = m * 2^e with m near 1, and log(m) = 2 atanh((m-1)/(m+1)), whose series converges fast there:
// |s| <= 0.172, so the first term left out is below 1e-17.
double logarithm(double x)
{
	uint64_t bits;
	memcpy(&bits, &x, sizeof(bits));
	int exponent = (int)(bits >> 52) - 1023;
	bits = (bits & 0xfffffffffffffULL) | 0x3ff0000000000000ULL;
	double m;
	memcpy(&m, &bits, sizeof(m));
	if (m > 1.41421356237309504880) {
		m /= 2;
		exponent++;
	}
	double s = (m - 1) / (m + 1), square = s * s, sum = 0;
	for (int k = 21; k >= 1; k -= 2)
		sum = sum * square + 1.0 / k;
	return exponent * LN2 + 2 * s * sum;
}

// The power series of 1 - exp(-x), for 0 <= x <= 0.7.
static double series(double x)
{
	double sum = 1;
	for (int k = 17; k >= 2; k--)
		sum = 1 - x / k * sum;
	return x * sum;
}

double one_minus_exp_minus(double x)
{
	if (x > 40)
		return 1; // exp(-40) is below half a unit in the last place of 1
	int halvings = 0;
	for (; x > LN2; halvings++)
		x /= 2;
	// With u = 1 - exp(-x): 1 - exp(-2x) = u (2 - u).
	double u = series(x);
	for (; halvings; halvings--)
		u = u * (2 - u);
	return u;
}
