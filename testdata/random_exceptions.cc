// SPDX-License-Identifier: Apache-2.0
/*
 * Random stacks in C++: allocates at the tips of trees of calls of random shape (shapes.h), throws exceptions from
 * there, and allocates again in the destructors and handlers that they meet.
 *
 * usage: random_exceptions LEAVES
 */
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "shapes.h"
#include "truth.h"

namespace {

SITE void allocate(shapes *shapes)
{
	::operator delete(truth_keep(::operator new(shapes_random(shapes, 100) + 1)));
	std::vector<int> grown(shapes_random(shapes, 10) + 1);
	truth_keep(grown.data());
}

SITE void throw_something(shapes *shapes)
{
	if (shapes_random(shapes, 2))
		throw std::runtime_error("something " + std::string(shapes_random(shapes, 50), '!'));
	throw static_cast<int>(shapes_random(shapes, 10));
}

SITE void leaf(shapes *shapes)
{
	allocate(shapes);
	if (shapes_random(shapes, 6) == 0)
		throw_something(shapes);
}

struct allocating {
	struct shapes *shapes;
	~allocating() { allocate(shapes); }
};

SITE void with_destructor(shapes *shapes, int depth)
{
	allocating here{shapes};
	shapes_grow(shapes, depth);
}

// Exceptions pass on their way: some go on, some are replaced.
SITE void catching(shapes *shapes, int depth)
{
	try {
		with_destructor(shapes, depth);
	} catch (const std::exception &error) {
		allocate(shapes);
		if (shapes_random(shapes, 4) == 0)
			throw;
	} catch (int number) {
		shapes->leaf(shapes);
	}
}

} // namespace

int main(int, char **arguments)
{
	shapes shapes{};
	shapes.random = 6;
	shapes.leaf = leaf;
	shapes.extra = catching;
	shapes.num_leaves = std::atol(arguments[1]);
	while (shapes.num_leaves > 0) {
		try {
			catching(&shapes, static_cast<int>(shapes_random(&shapes, 12)));
		} catch (...) {
			allocate(&shapes);
		}
	}
}
