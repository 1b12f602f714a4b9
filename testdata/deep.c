// SPDX-License-Identifier: Apache-2.0
/*
 * Recurses as many levels as the first argument says, then allocates.
 */
#include "truth.h"

#include <stdlib.h>

static struct truth truth = {.function = "deep_allocate"};

SITE static void deep_allocate(void)
{
	truth_keep(malloc(4321));
	truth_add(&truth, 4321);
}

SITE static void descend(int levels)
{
	if (levels > 1)
		descend(levels - 1);
	else
		deep_allocate();
	truth_keep(&levels); // a frame that is needed after the call
}

int main(int argc, char **argv)
{
	descend(argc > 1 ? atoi(argv[1]) : 1);
	truth_print(&truth);
	return 0;
}
