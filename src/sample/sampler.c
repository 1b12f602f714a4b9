// SPDX-License-Identifier: Apache-2.0
// Sampler: decides which allocations are recorded.  INSIDE.
#include "sample/sampler.h"

#include "sample/logarithm.h"

uint64_t sampler_random(struct sampler *sampler)
{
	uint64_t z = sampler->random_state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

void sampler_seed(struct sampler *sampler, uint64_t seed)
{
	sampler->random_state = seed;
	sampler_redraw(sampler);
}

void sampler_redraw(struct sampler *sampler)
{
	sampler->countdown_bytes = 0;
	sampler->beyond_bytes = 0;
	sampler->has_started = false;
}

static void set_distance(struct sampler *sampler, uint64_t distance_bytes)
{
	uint64_t step = distance_bytes < SAMPLER_STEP_BYTES ? distance_bytes : SAMPLER_STEP_BYTES;
	sampler->countdown_bytes = step;
	sampler->beyond_bytes = distance_bytes - step;
}

// Bytes up to and including the next mark.  Rounding an exponential variable up to a whole number
// keeps P(distance <= n) = 1 - exp(-n/rate) exact for whole n, which sampler_weight() relies on.
static void draw(struct sampler *sampler, uint64_t rate_bytes)
{
	sampler->rate_bytes = rate_bytes;
	sampler->has_started = true;
	if (rate_bytes == 0) {
		set_distance(sampler, UINT64_MAX);
	} else if (rate_bytes == 1) {
		set_distance(sampler, 0);
	} else {
		double uniform = (double)((sampler_random(sampler) >> 11) + 1) * 0x1p-53; // in (0, 1]
		double distance = -logarithm(uniform) * (double)rate_bytes;
		set_distance(sampler, (uint64_t)distance + 1);
	}
}

double sampler_weight(uint64_t rate_bytes, size_t size_bytes)
{
	if (rate_bytes <= 1)
		return 1;
	return 1 / one_minus_exp_minus((double)sampler_length(size_bytes) / (double)rate_bytes);
}

// An allocation is judged by the rate that the distance was drawn with, whatever the rate has become:
// to judge it by the new one just because it met an old mark would bias the estimate.
bool sampler_advance(struct sampler *sampler, uint64_t rate_bytes, size_t size_bytes, double *weight)
{
	if (!sampler->has_started)
		draw(sampler, rate_bytes);
	uint64_t drawn_rate_bytes = sampler->rate_bytes;
	uint64_t length = sampler_length(size_bytes);
	uint64_t distance = sampler->countdown_bytes + sampler->beyond_bytes;
	bool is_sample = drawn_rate_bytes == 1 || (drawn_rate_bytes && length >= distance);
	if (is_sample)
		*weight = sampler_weight(drawn_rate_bytes, size_bytes);
	if (is_sample || drawn_rate_bytes != rate_bytes)
		draw(sampler, rate_bytes);
	else // with no rate at all there is no mark to come nearer to
		set_distance(sampler, drawn_rate_bytes ? distance - length : UINT64_MAX);
	return is_sample;
}
