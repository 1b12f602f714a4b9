// SPDX-License-Identifier: Apache-2.0
/*
 * Allocates one block from each of as many distinct stacks as the first argument says, all of the depth
 * that the second says (30), and then frees as many of them as the third says (none).  A stack is made
 * distinct by the branches that lead to it: the number's binary digits, left or right.  Of the depth, one
 * frame allocates, and main, the two of libc that call it and _start are at the root.
 */
#include "truth.h"

#include <stdlib.h>

enum { BLOCK_BYTES = 48 };

static struct truth truth = {.function = "sites_allocate"};

SITE static void *sites_allocate(void)
{
	truth_add(&truth, BLOCK_BYTES);
	return truth_keep(malloc(BLOCK_BYTES));
}

static void *descend(unsigned number, int depth);

SITE static void *left(unsigned number, int depth)
{
	return truth_keep(descend(number >> 1, depth - 1));
}

SITE static void *right(unsigned number, int depth)
{
	return truth_keep(descend(number >> 1, depth - 1));
}

static void *descend(unsigned number, int depth)
{
	if (depth <= 0)
		return sites_allocate();
	return number & 1 ? right(number, depth) : left(number, depth);
}

int main(int argc, char **argv)
{
	unsigned num_stacks = argc > 1 ? (unsigned)atoi(argv[1]) : 1000;
	int depth = argc > 2 ? atoi(argv[2]) : 30;
	unsigned num_freed = argc > 3 ? (unsigned)atoi(argv[3]) : 0;
	void **blocks = calloc(num_stacks, sizeof(*blocks));
	for (unsigned i = 0; i < num_stacks; i++)
		blocks[i] = descend(i, depth - 5);
	for (unsigned i = 0; i < num_freed && i < num_stacks; i++) {
		free(blocks[i]);
		truth_remove(&truth, BLOCK_BYTES);
	}
	truth_print(&truth);
	return 0;
}
