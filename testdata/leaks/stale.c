// SPDX-License-Identifier: Apache-2.0
/*
 * Stale: a pointer in memory that was freed does not count, wherever an allocator keeps what is freed: small blocks in caches and
 * bins, large ones, the end of the heap, what realloc() cut off, and the same in the heap of another thread.  The blocks
 * that it points to are lost.
 *
 * usage: stale small|large|last|many|shrunk [thread]
 */
#include "loss.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 300, MANY = 20 };

static void *volatile kept[2 + MANY];

// Allocators keep their own lists in the first words of a freed block.
SITE static void **stale_make(size_t size, size_t position)
{
	void **block = (void **)calloc(1, size);
	block[position] = calloc(1, SIZE);
	return block;
}

// What is freed is not next to the unused end of the heap, unless it is to become part of it.
SITE static void stale_free(size_t size, int is_last)
{
	kept[0] = calloc(1, 40);
	void **block = stale_make(size, 8);
	if (!is_last)
		kept[1] = calloc(1, 40);
	free(block);
}

SITE static void stale_free_many(void)
{
	void **blocks[MANY];
	for (int i = 0; i < MANY; i++) {
		blocks[i] = stale_make(100, 8);
		kept[i] = calloc(1, 40);
	}
	for (int i = 0; i < MANY; i++)
		free(blocks[i]);
}

SITE static void stale_shrink(void)
{
	void **block = stale_make(20000, 2000);
	kept[1] = calloc(1, 40);
	kept[0] = realloc(block, 40);
}

static void *make_all(void *argument)
{
	const char *kind = (const char *)argument;
	if (!strcmp(kind, "small"))
		stale_free(200, 0);
	if (!strcmp(kind, "large"))
		stale_free(20000, 0);
	if (!strcmp(kind, "last"))
		stale_free(20000, 1);
	if (!strcmp(kind, "many"))
		stale_free_many();
	if (!strcmp(kind, "shrunk"))
		stale_shrink();
	loss_scrub();
	return NULL;
}

int main(int argc, char **argv)
{
	char *kind = argc > 1 ? argv[1] : (char *)"small";
	size_t num_lost = strcmp(kind, "many") ? 1 : MANY;
	size_t num_kept = !strcmp(kind, "many") ? MANY : strcmp(kind, "last") ? 2 : 1;
	if (argc > 2) {
		pthread_t thread;
		pthread_create(&thread, NULL, make_all, kind);
		pthread_join(thread, NULL);
	} else {
		make_all(kind);
	}
	loss_scrub();
	loss_tell("definite", num_lost * SIZE, num_lost);
	loss_tell("reachable", num_kept * 40, num_kept);
	return 0;
}
