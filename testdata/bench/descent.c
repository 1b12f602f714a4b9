// SPDX-License-Identifier: Apache-2.0
// Descent, in C.
#include "descent.h"

typedef void level_function(uint64_t path, void (*bottom)(uint64_t path));

// The sum makes the functions' code differ, else a compiler may fold them into one.
#define FUNCTION(level, next, i)                                                                              \
	__attribute__((noinline)) static void level_##level##_##i(uint64_t path, void (*bottom)(uint64_t path))        \
	{                                                                                                     \
		volatile char space[8 + 32 * i];                                                              \
		space[0] = level + i;                                                                         \
		level_##next[path >> (2 * next) & 3](path, bottom);                                                    \
		space[1] = space[0];                                                                          \
	}
#define LEAF(level, next, i)                                                                                  \
	__attribute__((noinline)) static void level_##level##_##i(uint64_t path, void (*bottom)(uint64_t path))        \
	{                                                                                                     \
		volatile char space[8 + 32 * i];                                                              \
		space[0] = level + i;                                                                         \
		bottom(path);                                                                                 \
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

__attribute__((noinline)) void descend_in_c(unsigned num_upper, const struct descent *descent)
{
	uint64_t state = 1;
	if (num_upper > 1) {
		descend_in_c(num_upper - 1, descent);
		__asm__ volatile(""); // else the call becomes a jump
		return;
	}
	for (uint64_t i = 0; i < descent->num_times; i++) {
		uint64_t path = next_path(&state);
		path = descent->is_varied ? path : 0;
		level_0[path & 3](path, descent->bottom);
	}
}
