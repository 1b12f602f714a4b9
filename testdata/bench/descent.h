// SPDX-License-Identifier: Apache-2.0
/*
 * Descent: the same calls in C and in C++, to allocate or to capture the stack at their end.
 *
 * Some upper calls, which stay while the rest is done many times; then 5 more, each of one of 4 functions with frames
 * of different sizes; at last the bottom.
 */
#ifndef CAIRN_BENCH_DESCENT_H
#define CAIRN_BENCH_DESCENT_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DESCENT_NUM_PATHS 1024

struct descent {
	void (*bottom)(uint64_t path); // which of DESCENT_NUM_PATHS it was
	uint64_t num_times;
	bool is_varied; // the lower 5 calls are drawn at random each time, else they are always the same
};

typedef void descend_function(unsigned num_upper, const struct descent *descent);

descend_function descend_in_c, descend_in_cpp;

static inline uint64_t next_path(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 40 & (DESCENT_NUM_PATHS - 1);
}

#ifdef __cplusplus
}
#endif
#endif
