// SPDX-License-Identifier: Apache-2.0
// Descent, in C++: every frame has something to destroy, so there is a way for exceptions through it.
#include "descent.h"

namespace {

struct destroyed {
	int *place;
	~destroyed()
	{
		__asm__ volatile("" ::"r"(place) : "memory");
	}
};

template <int level> struct calls;

template <int level, int i> __attribute__((noinline)) void call(uint64_t path, void (*bottom)(uint64_t path))
{
	int number = level + i;
	destroyed last{&number};
	volatile char space[8 + 32 * i];
	space[0] = level;
	if constexpr (level == 0)
		bottom(path);
	else
		calls<level - 1>::functions[path >> (2 * (5 - level)) & 3](path, bottom);
	space[1] = space[0];
}

template <int level> struct calls {
	static constexpr void (*functions[])(uint64_t path, void (*bottom)(uint64_t path)) = {call<level, 0>, call<level, 1>, call<level, 2>,
										 call<level, 3>};
};

} // namespace

__attribute__((noinline)) void descend_in_cpp(unsigned num_upper, const descent *descent)
{
	uint64_t state = 1;
	destroyed last{nullptr};
	if (num_upper > 1) {
		descend_in_cpp(num_upper - 1, descent);
		return;
	}
	for (uint64_t i = 0; i < descent->num_times; i++) {
		uint64_t path = next_path(&state);
		path = descent->is_varied ? path : 0;
		calls<4>::functions[path & 3](path, descent->bottom);
	}
}
