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
	sampler->clear_bytes = 0;
	sampler->beyond_bytes = 0;
	sampler->has_started = false;
}

static void set_clear(struct sampler *sampler, uint64_t clear_bytes)
{
	uint64_t step = clear_bytes < SAMPLER_STEP_BYTES ? clear_bytes : SAMPLER_STEP_BYTES;
	sampler->clear_bytes = step;
	sampler->beyond_bytes = clear_bytes - step;
}

// The distance to the next mark.  Rounding an exponential variable up to a whole number keeps
// P(distance <= n) = 1 - exp(-n/rate) exact for whole n, which sampler_weight() relies on; the bytes before
// the mark are clear, one less.
static void draw(struct sampler *sampler, uint64_t rate_bytes)
{
	sampler->rate_bytes = rate_bytes;
	sampler->has_started = true;
	if (rate_bytes == 0) {
		set_clear(sampler, UINT64_MAX);
	} else if (rate_bytes == 1) {
		set_clear(sampler, 0);
	} else {
		double uniform = (double)((sampler_random(sampler) >> 11) + 1) * 0x1p-53; // in (0, 1]
		double distance = -logarithm(uniform) * (double)rate_bytes;
		set_clear(sampler, (uint64_t)distance);
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
	uint64_t clear_bytes = sampler->clear_bytes + sampler->beyond_bytes;
	bool is_sample = drawn_rate_bytes == 1 || (drawn_rate_bytes && size_bytes >= clear_bytes);
	if (is_sample)
		*weight = sampler_weight(drawn_rate_bytes, size_bytes);
	if (is_sample || drawn_rate_bytes != rate_bytes)
		draw(sampler, rate_bytes);
	else // with no rate at all there is no mark to come nearer to
		set_clear(sampler, drawn_rate_bytes ? clear_bytes - sampler_length(size_bytes) : UINT64_MAX);
	return is_sample;
}
