// SPDX-License-Identifier: Apache-2.0
// Arena: a bump allocator over one mapping.  BOTH worlds.
#include "base/arena.h"

#include "base/system.h"

void arena_init(struct arena *arena, size_t size_bytes)
{
	*arena = (struct arena){ .memory = system_map(size_bytes), .size_bytes = size_bytes };
}

void arena_deinit(struct arena *arena)
{
	system_unmap(arena->memory, arena->size_bytes);
	*arena = (struct arena){ 0 };
}

void *arena_get(struct arena *arena, size_t size_bytes)
{
	if (!arena->memory || size_bytes > arena->size_bytes - arena->used_bytes)
		return NULL;
	void *result = arena->memory + arena->used_bytes;
	size_t rounded = (size_bytes + 15) & ~(size_t)15;
	size_t left = arena->size_bytes - arena->used_bytes;
	arena->used_bytes += rounded < left ? rounded : left;
	return result;
}
