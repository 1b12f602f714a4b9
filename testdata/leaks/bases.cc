// SPDX-License-Identifier: Apache-2.0
/*
 * Bases: an object with two base classes that is only known by a pointer to the second is reachable.
 */
#include "loss.h"

namespace {

struct first {
	virtual ~first() = default;
	long number[3] = {};
};

struct second {
	virtual ~second() = default;
	long number[3] = {};
};

struct both : first, second {
	long number[3] = {};
};

second *volatile kept;

} // namespace

SITE static void bases_make()
{
	kept = new both;
	truth_keep(new both);
}

int main()
{
	bases_make();
	loss_scrub();
	loss_tell("definite", sizeof(both), 1);
	loss_tell("reachable", sizeof(both), 1);
	return 0;
}
