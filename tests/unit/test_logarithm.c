// SPDX-License-Identifier: Apache-2.0
// The judge is libm, which is good to about half a unit in the last place.
#include "unit/unit.h"

#include <math.h>

#include "sample/logarithm.h"

static void test_logarithm_agrees_with_libm(void **state)
{
	(void)state;
	for (int i = 0; i < 1000000; i++) {
		double x = pow(2, -60 + i * 1e-4) * (1 + (i % 997) / 997.0);
		double expected = log(x);
		assert_true(fabs(logarithm(x) - expected) <= 1e-14 * fmax(1, fabs(expected)));
	}
	assert_true(logarithm(1) == 0);
}

static void test_exponential_agrees_with_libm_also_near_zero(void **state)
{
	(void)state;
	for (int i = 0; i < 1000000; i++) {
		double x = pow(10, -18 + i * 2.1e-5);
		double expected = -expm1(-x);
		assert_true(fabs(one_minus_exp_minus(x) - expected) <= 1e-14 * expected);
	}
	assert_true(one_minus_exp_minus(0) == 0);
	assert_true(one_minus_exp_minus(1e9) == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_logarithm_agrees_with_libm),
		cmocka_unit_test(test_exponential_agrees_with_libm_also_near_zero),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
