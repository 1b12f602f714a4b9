// SPDX-License-Identifier: Apache-2.0
/*
 * A C++ plugin for programs in C: throws and catches exceptions through several frames, from objects
 * with destructors, and keeps blocks from operator new.
 */
#include "truth.h"

#include <stdexcept>
#include <string>
#include <vector>

namespace {

struct counted {
	int &count;
	explicit counted(int &count) : count(count) {}
	~counted() { count++; }
};

SITE void fall(int levels, int &num_destroyed)
{
	counted guard(num_destroyed);
	std::vector<int> grown(static_cast<size_t>(levels) * 100, levels);
	if (levels == 0)
		throw std::runtime_error("fell " + std::string(100, '!'));
	fall(levels - 1, num_destroyed);
	truth_keep(grown.data());
}

} // namespace

extern "C" SITE void *throwing_allocate(size_t size)
{
	return truth_keep(::operator new(size));
}

extern "C" int throwing_run(int rounds)
{
	int num_caught = 0, num_destroyed = 0;
	for (int i = 0; i < rounds; i++) {
		try {
			fall(10, num_destroyed);
		} catch (const std::exception &error) {
			num_caught += std::string(error.what()).size() == 105;
		}
	}
	return num_caught * 1000 + num_destroyed / rounds;
}
