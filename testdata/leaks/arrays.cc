// SPDX-License-Identifier: Apache-2.0
/*
 * Arrays: of objects with destructors, to which a pointer points 8 bytes into the block, behind their number.  One is kept, one is
 * lost.
 */
#include "loss.h"

namespace {

struct element {
	long value = 7;
	~element() { value = 0; }
};

element *volatile kept;

} // namespace

SITE static void arrays_make()
{
	kept = new element[10];
	truth_keep(new element[20]);
}

int main()
{
	arrays_make();
	loss_scrub();
	loss_tell("definite", 20 * sizeof(element) + 8, 1);
	loss_tell("reachable", 10 * sizeof(element) + 8, 1);
	return 0;
}
