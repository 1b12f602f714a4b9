// SPDX-License-Identifier: Apache-2.0
// glibc lists: freed blocks that glibc's malloc keeps as if they were in use.  OUTSIDE.
#include "leaks/glibc_lists.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

// struct malloc_state.
#define FAST_BINS_AT 0x10
#define NUM_FAST_BINS 10
#define TOP_AT 0x60
#define BINS_AT 0x70
#define NUM_BINS 127

// struct tcache_perthread_struct { uint16_t counts[64]; void *entries[64]; }, itself a block.
#define NUM_CACHED 64
#define CACHE_BYTES (NUM_CACHED * 2 + NUM_CACHED * 8)

#define HEADER_BYTES 16

static struct heap_chunk *find_chunk(const struct glibc_heap *heap, uint64_t start)
{
	size_t low = 0, high = heap->num_chunks;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (heap->chunks[middle].start < start)
			low = middle + 1;
		else
			high = middle;
	}
	return low < heap->num_chunks && heap->chunks[low].start == start ? &heap->chunks[low] : NULL;
}

// Links are hidden by the address that they lie at (glibc 2.32; before, they were as they are).
static uint64_t reveal(uint64_t at, uint64_t link)
{
	return link ^ at >> 12;
}

// Mark a list of at most max_chunks that begins at link.  Links lie where the program's data were, and lead to before_bytes
// before such a place.  One that leads to no block of that size in use ends the list.
static void mark_list(struct glibc_heap *heap, uint64_t link, uint64_t before_bytes, uint64_t size_bytes, size_t max_chunks)
{
	for (size_t num = 0; link && num < max_chunks; num++) {
		struct heap_chunk *chunk = find_chunk(heap, link + before_bytes);
		if (!chunk || chunk->is_free || chunk->size_bytes != size_bytes ||
		    !memory_read_word(heap->memory, chunk->start, &link))
			break;
		chunk->is_free = true;
		uint64_t revealed = reveal(chunk->start, link);
		link = !revealed || find_chunk(heap, revealed + before_bytes) ? revealed : link;
	}
}

// Number i has chunks of 32 + 16 i bytes, of which the program has 8 less.
static void mark_fast_bins(struct glibc_heap *heap, uint64_t arena)
{
	uint64_t bins[NUM_FAST_BINS];
	if (memory_read(heap->memory, arena + FAST_BINS_AT, bins, sizeof(bins)) != sizeof(bins))
		return;
	for (size_t i = 0; i < NUM_FAST_BINS; i++)
		mark_list(heap, bins[i], HEADER_BYTES, 24 + 16 * i, heap->num_chunks);
}

static bool is_cache(const struct glibc_heap *heap, const uint16_t counts[], const uint64_t entries[])
{
	size_t num_lists = 0;
	for (size_t i = 0; i < NUM_CACHED; i++) {
		const struct heap_chunk *chunk = counts[i] ? find_chunk(heap, entries[i]) : NULL;
		if (counts[i] ? !chunk || chunk->size_bytes != 24 + 16 * i : entries[i] != 0)
			return false;
		num_lists += counts[i] != 0;
	}
	return num_lists > 0;
}

static void mark_caches(struct glibc_heap *heap)
{
	for (size_t i = 0; i < heap->num_chunks; i++) {
		struct {
			uint16_t counts[NUM_CACHED];
			uint64_t entries[NUM_CACHED];
		} cache;
		_Static_assert(sizeof(cache) == CACHE_BYTES, "layout");
		struct heap_chunk *chunk = &heap->chunks[i];
		if (chunk->is_free || chunk->size_bytes != CACHE_BYTES + 8 ||
		    memory_read(heap->memory, chunk->start, &cache, sizeof(cache)) != sizeof(cache) ||
		    !is_cache(heap, cache.counts, cache.entries))
			continue;
		for (size_t j = 0; j < NUM_CACHED; j++)
			mark_list(heap, cache.counts[j] ? cache.entries[j] : 0, 0, 24 + 16 * j, cache.counts[j]);
	}
}

// An empty bin points at itself, or rather at where a chunk would lie whose links it were; others lead to chunks.
static bool is_arena(const struct glibc_heap *heap, const unsigned char *bytes, uint64_t address, uint64_t top)
{
	uint64_t word, links[2];
	size_t num_empty = 0;
	memcpy(&word, bytes + TOP_AT, sizeof(word));
	if (word != top)
		return false;
	for (size_t i = 0; i < NUM_BINS; i++) {
		memcpy(links, bytes + BINS_AT + 16 * i, sizeof(links));
		uint64_t itself = address + BINS_AT + 16 * i - HEADER_BYTES;
		num_empty += links[0] == itself && links[1] == itself;
		if (links[0] != itself && !memory_find(heap->memory, links[0]))
			return false;
	}
	return num_empty > NUM_BINS / 4;
}

static bool is_libc(const struct memory_range *range)
{
	const char *name = text_base_name(range->path);
	return range->is_writable && !range->is_shared && (strncmp(name, "libc.so", 7) == 0 || strncmp(name, "libc-2", 6) == 0);
}

static void mark_first_arena(struct glibc_heap *heap, const struct memory_range *range, uint64_t top)
{
	size_t size_bytes = range->limit - range->start;
	unsigned char *bytes = memory_get(size_bytes, 1);
	size_t num_read = memory_read(heap->memory, range->start, bytes, size_bytes);
	for (size_t at = 0; at + GLIBC_ARENA_BYTES <= num_read; at += 8) {
		if (!is_arena(heap, bytes + at, range->start + at, top))
			continue;
		spans_add(&heap->own, range->start + at, range->start + at + GLIBC_ARENA_BYTES);
		mark_fast_bins(heap, range->start + at);
		break;
	}
	free(bytes);
}

void glibc_lists_mark(struct glibc_heap *heap, uint64_t top)
{
	for (size_t i = 0; i < heap->memory->num_ranges && top; i++)
		if (is_libc(&heap->memory->ranges[i]))
			mark_first_arena(heap, &heap->memory->ranges[i], top);
	for (size_t i = 0; i < heap->num_arenas; i++)
		mark_fast_bins(heap, heap->arenas[i]);
	mark_caches(heap);
}
