// SPDX-License-Identifier: Apache-2.0
/*
 * Sizes: a block is lost with the size that was last asked for, whichever function gave it and however large it is.
 *
 * usage: sizes realloc|aligned|huge|zero|grown
 */
#include "loss.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

// A chain of realloc() over all sizes, moved and grown in place, of which the last block is lost.
SITE static void sizes_realloc(void)
{
	char *block = NULL;
	for (size_t size = 10; size <= 300000; size *= 3)
		block = (char *)realloc(block, size);
	truth_keep(realloc(block, 777));
	loss_tell("definite", 777, 1);
}

SITE static void sizes_aligned(void)
{
	void *block = NULL;
	if (posix_memalign(&block, 4096, 1234) || !aligned_alloc(64, 640) || !memalign(256, 111) || !valloc(222))
		exit(3);
	loss_tell("definite", 1234 + 640 + 111 + 222, 4);
}

SITE static void sizes_huge(void)
{
	truth_keep(malloc(10 << 20)); // a mapping of its own
	truth_keep(calloc(1000, 1000));
	loss_tell("definite", (10 << 20) + 1000000, 2);
}

SITE static void sizes_zero(void)
{
	truth_keep(malloc(0));
	truth_keep(calloc(0, 8));
	truth_keep(calloc(8, 1));
	loss_tell("definite", 8, 3);
}

// A large block of its own mapping that points to another, and is moved by the kernel as it grows.
SITE static void sizes_grown(void)
{
	void **block = (void **)malloc(1 << 20);
	block[100000] = calloc(1, 123);
	truth_keep(realloc(block, 8 << 20));
	loss_tell("definite", 8 << 20, 1);
	loss_tell("indirect", 123, 1);
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "realloc";
	if (!strcmp(kind, "realloc"))
		sizes_realloc();
	if (!strcmp(kind, "aligned"))
		sizes_aligned();
	if (!strcmp(kind, "huge"))
		sizes_huge();
	if (!strcmp(kind, "zero"))
		sizes_zero();
	if (!strcmp(kind, "grown"))
		sizes_grown();
	loss_scrub();
	return 0;
}
