// SPDX-License-Identifier: Apache-2.0
// Workload: how all workloads allocate, so that they differ in nothing else.
#ifndef CAIRN_BENCH_WORKLOAD_H
#define CAIRN_BENCH_WORKLOAD_H

#include <stdint.h>
#include <stdlib.h>

#define NUM_SIZES 4096

extern uint16_t sizes[NUM_SIZES]; // 16 to 1024 bytes, drawn evenly

static inline uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

// A block that nothing touches could be optimised away with its malloc and free.
static inline void *allocate(uint64_t i)
{
	char *block = malloc(sizes[i % NUM_SIZES]);
	if (!block)
		abort();
	*(volatile char *)block = 1;
	return block;
}

// One block at a time, each from another call stack: the upper frames, so many, stay, and the lower 5 take one of
// 1024 paths, at random.
void run_varied(unsigned num_upper, uint64_t num_operations);

#endif
