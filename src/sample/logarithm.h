// SPDX-License-Identifier: Apache-2.0
/*
 * The two functions of analysis that sampling needs, because the library must not bring libm into
 * programs that have none.  Both are good to 1e-14 of their value, on every machine the same bits.
 *
 * INSIDE, any thread.
 */
#ifndef CAIRN_SAMPLE_LOGARITHM_H
#define CAIRN_SAMPLE_LOGARITHM_H

// The natural logarithm of x, for normal x > 0.
double logarithm(double x);

// 1 - exp(-x) for x >= 0, without cancellation near 0.
double one_minus_exp_minus(double x);

#endif
