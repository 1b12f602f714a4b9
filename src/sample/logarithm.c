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
	static const double inverse[] = { 1.0 / 21, 1.0 / 19, 1.0 / 17, 1.0 / 15, 1.0 / 13, 1.0 / 11,
					  1.0 / 9,  1.0 / 7,  1.0 / 5,	1.0 / 3,  1.0 };
	double s = (m - 1) / (m + 1), square = s * s, sum = 0;
#pragma GCC unroll 16
	for (unsigned i = 0; i < sizeof(inverse) / sizeof(inverse[0]); i++)
		sum = sum * square + inverse[i];
	return exponent * LN2 + 2 * s * sum;
}

// The power series of 1 - exp(-x), for 0 <= x <= 0.7.
static double series(double x)
{
	static const double inverse[] = { 1.0 / 17, 1.0 / 16, 1.0 / 15, 1.0 / 14, 1.0 / 13, 1.0 / 12, 1.0 / 11, 1.0 / 10,
					  1.0 / 9,  1.0 / 8,  1.0 / 7,	1.0 / 6,  1.0 / 5,  1.0 / 4,  1.0 / 3,	1.0 / 2 };
	double sum = 1;
	// Mostly a block is far smaller than the rate; then x^6 / 6! is below 1e-18 of the sum already.
	if (x < 0.002) {
		for (unsigned i = 11; i < sizeof(inverse) / sizeof(inverse[0]); i++)
			sum = 1 - x * inverse[i] * sum;
		return x * sum;
	}
	for (unsigned i = 0; i < sizeof(inverse) / sizeof(inverse[0]); i++)
		sum = 1 - x * inverse[i] * sum;
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
