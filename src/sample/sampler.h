// SPDX-License-Identifier: Apache-2.0
/*
 * Sampler: decides which allocations are recorded.
 *
 * Think of all bytes ever allocated by a thread as one stream, on which marks fall as a Poisson
 * process with one mark in rate_bytes on average.  An allocation that covers a mark is a sample.
 * Large ones are thus sampled more often; sampler_weight() takes that bias out again.  A block takes
 * one byte more of the stream than it has, so that one of zero bytes is seen too.
 *
 * The process has no memory.  So the distance to the next mark may be thrown away and drawn anew at
 * any moment, as when the rate changes, and no estimate is biased by it.
 *
 * INSIDE.  One sampler per thread: nothing here locks, allocates, changes errno or calls libc.
 */
#ifndef CAIRN_SAMPLE_SAMPLER_H
#define CAIRN_SAMPLE_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A thread looks at the rate in force again after at most this many bytes.
#define SAMPLER_STEP_BYTES (UINT64_C(4) << 20)
#define SAMPLER_MAX_RATE_BYTES (UINT64_C(1) << 40)

// Zeroed is a valid start: the first allocation calls sampler_advance(), which draws.
struct sampler {
	// Bytes of the stream that are known to be clear of marks: what they suffice for need only be
	// subtracted.  0 sends every allocation to sampler_advance().
	uint64_t clear_bytes;
	uint64_t beyond_bytes; // further clear bytes, up to the next mark
	uint64_t rate_bytes;   // that the distance was drawn with; 1: every allocation, 0: none
	uint64_t random_state;
	bool has_started;
};

// What an allocation of size_bytes takes from the stream.
static inline uint64_t sampler_length(size_t size_bytes)
{
	return (uint64_t)size_bytes + 1;
}

// The answer for nearly all allocations: no mark within size_bytes; they are consumed.  Four instructions: compilers
// do not see that the one byte more is the processor's carry.
static inline bool sampler_skips(struct sampler *sampler, size_t size_bytes)
{
	uint64_t clear_bytes = sampler->clear_bytes;
	bool is_too_short;
	__asm__("stc\n\tsbb %2, %0" : "+r"(clear_bytes), "=@ccc"(is_too_short) : "r"(size_bytes));
	if (__builtin_expect(is_too_short, 0))
		return false;
	sampler->clear_bytes = clear_bytes;
	return true;
}

// Set the source of random numbers; a sampler that was not seeded starts from seed 0.
void sampler_seed(struct sampler *sampler, uint64_t seed);

// True if every allocation is a sample, with a weight of 1: then there is nothing to advance.
static inline bool sampler_takes_all(const struct sampler *sampler, uint64_t rate_bytes)
{
	return rate_bytes == 1 && sampler->rate_bytes == 1;
}

// Walk size_bytes along the stream at rate_bytes, the rate in force.  True if the allocation is a
// sample; *weight is then how many allocations like it the sample stands for.
bool sampler_advance(struct sampler *sampler, uint64_t rate_bytes, size_t size_bytes, double *weight);

// Forget the distance to the next mark: the next allocation comes to sampler_advance() again.
void sampler_redraw(struct sampler *sampler);

// How many allocations of size_bytes one sample of that size stands for, >= 1: the inverse of the
// probability 1 - exp(-length/rate) that it holds a mark (Horvitz and Thompson, 1952).
double sampler_weight(uint64_t rate_bytes, size_t size_bytes);

// A uniformly distributed 64-bit number (SplitMix64: Steele, Lea, Flood, 2014).
uint64_t sampler_random(struct sampler *sampler);

#endif
