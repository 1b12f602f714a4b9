// SPDX-License-Identifier: Apache-2.0
// Varied stacks: a loop deep below main that allocates at the end of 1024 paths of 5 calls, at random.
#include "workload.h"

#define NUM_PATHS 1024

typedef void level_function(uint64_t number);

// Each level takes two bits of the number, and each path has a size of its own, as is usual.  The functions of a level have frames of different sizes, and so have
// the stacks.  The sum makes their code differ, else a compiler may fold them into one.
#define FUNCTION(level, next, i)                                                                              \
	__attribute__((noinline)) static void level_##level##_##i(uint64_t number)                            \
	{                                                                                                     \
		volatile char space[8 + 32 * i];                                                              \
		space[0] = level + i;                                                                         \
		level_##next[number >> (2 * next) & 3](number);                                               \
		space[1] = space[0];                                                                          \
	}
#define LEAF(level, next, i)                                                                                  \
	__attribute__((noinline)) static void level_##level##_##i(uint64_t number)                            \
	{                                                                                                     \
		volatile char space[8 + 32 * i];                                                              \
		space[0] = level + i;                                                                         \
		free(allocate(number % NUM_PATHS));                                                           \
		space[1] = space[0];                                                                          \
	}
#define LEVEL(X, level, next)                                                                                 \
	X(level, next, 0) X(level, next, 1) X(level, next, 2) X(level, next, 3)                               \
	static level_function *const level_##level[] = { level_##level##_0, level_##level##_1, level_##level##_2, \
							 level_##level##_3 };

LEVEL(LEAF, 4, 5)
LEVEL(FUNCTION, 3, 4)
LEVEL(FUNCTION, 2, 3)
LEVEL(FUNCTION, 1, 2)
LEVEL(FUNCTION, 0, 1)

// The empty statement after the call keeps it from becoming a jump: each level is a frame.
__attribute__((noinline)) void run_varied(unsigned num_upper, uint64_t num_operations)
{
	static uint64_t state = 88172645463325252u;
	if (num_upper > 1) {
		run_varied(num_upper - 1, num_operations);
		__asm__ volatile("");
		return;
	}
	for (uint64_t i = 0; i < num_operations; i++) {
		uint64_t number = random_next(&state) >> 16;
		level_0[number & 3](number);
	}
}
