// SPDX-License-Identifier: Apache-2.0
/*
 * Stale: a pointer in memory that was freed does not count, whether the freed block is small, large, or the end of the heap.
 * The block it points to is lost.
 *
 * usage: stale small|large|last
 */
#include "loss.h"

#include <stdlib.h>
#include <string.h>

enum { SIZE = 300 };

static void *volatile kept[2];

SITE static void stale_make(size_t size, int is_last)
{
	kept[0] = calloc(1, 40);
	void *lost = calloc(1, SIZE);
	void **freed = (void **)calloc(1, size);
	if (!is_last)
		kept[1] = calloc(1, 40); // so that what is freed does not become part of the unused end of the heap
	freed[8] = lost; // allocators keep their own lists in the first words
	free(freed);
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "small";
	int is_last = !strcmp(kind, "last");
	stale_make(!strcmp(kind, "small") ? 200 : 20000, is_last);
	loss_scrub();
	loss_tell("definite", SIZE, 1);
	loss_tell("reachable", is_last ? 40 : 80, is_last ? 1 : 2);
	return 0;
}
