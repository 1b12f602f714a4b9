// SPDX-License-Identifier: Apache-2.0
/*
 * Allocates blocks of 1 MiB until malloc() fails, then smaller and smaller ones until those fail, too; each failure
 * must be NULL with ENOMEM.  Frees every second block and prints the truth.  With the argument "touch" it writes to
 * the blocks, and prints the truth after each: it may be the last.
 */
#include "truth.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BLOCKS = 20000 };

static void *blocks[MAX_BLOCKS];
static size_t sizes[MAX_BLOCKS];
static int num_blocks;
static struct truth truth = {.function = "exhaust_allocate"};

SITE static void *exhaust_allocate(size_t size)
{
	return truth_keep(malloc(size));
}

static void allocate_until_it_fails(size_t size, bool is_touched)
{
	while (num_blocks < MAX_BLOCKS) {
		errno = 0;
		void *block = exhaust_allocate(size);
		if (!block && errno != ENOMEM)
			exit(2);
		if (!block)
			return;
		truth_add(&truth, size);
		sizes[num_blocks] = size;
		blocks[num_blocks++] = block;
		if (is_touched) {
			truth_print(&truth);
			memset(block, 1, size);
		}
	}
}

int main(int argc, char **argv)
{
	for (size_t size = 1 << 20; size >= 1 << 12; size >>= 2)
		allocate_until_it_fails(size, argc > 1 && !strcmp(argv[1], "touch"));
	for (int i = 0; i < num_blocks; i += 2) {
		free(blocks[i]);
		truth_remove(&truth, sizes[i]);
	}
	truth_print(&truth);
	return 0;
}
