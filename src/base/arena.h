// SPDX-License-Identifier: Apache-2.0
/*
 * Arena: memory for one short task, taken from the kernel and given back as a whole.
 *
 * BOTH worlds.  One task, one thread; needs no malloc.
 */
#ifndef CAIRN_BASE_ARENA_H
#define CAIRN_BASE_ARENA_H

#include <stddef.h>

struct arena {
	char *memory; // NULL: could not be had, every allocation fails
	size_t size_bytes;
	size_t used_bytes;
};

void arena_init(struct arena *arena, size_t size_bytes);
void arena_deinit(struct arena *arena);

// size_bytes of zeroed memory aligned to 16, or NULL when the arena is exhausted.
void *arena_get(struct arena *arena, size_t size_bytes);

#endif
