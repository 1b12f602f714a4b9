// SPDX-License-Identifier: Apache-2.0
// glibc heap: the blocks that glibc's malloc has given out.  OUTSIDE.
#include "leaks/glibc_heap.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/system.h"
#include "leaks/glibc_lists.h"

#define WINDOW_BYTES 65536
#define HEAP_MAX_BYTES (UINT64_C(64) << 20) // of heaps of other arenas than the first; they lie at multiples of it
#define MAX_HEAP_HEADER 0x80
#define HEADER_BYTES 16 // of a chunk, before what malloc() returned; the last 8 of a block lie in the next one's
#define SIZE_FLAGS UINT64_C(7)
#define FLAG_BEFORE_IN_USE 1
#define FLAG_MAPPED 2
#define MIN_CHUNK_BYTES 0x20
#define FENCE_BYTES 0x10

// A part of a heap that is looked at.
struct window {
	const struct memory *memory;
	uint64_t start, num_bytes;
	unsigned char bytes[WINDOW_BYTES];
};

static bool read_size(struct window *window, uint64_t chunk, uint64_t *size)
{
	if (chunk + HEADER_BYTES > window->start + window->num_bytes || chunk < window->start) {
		window->start = chunk;
		window->num_bytes = memory_read(window->memory, chunk, window->bytes, sizeof(window->bytes));
		if (window->num_bytes < HEADER_BYTES)
			return false;
	}
	memcpy(size, window->bytes + (chunk - window->start) + 8, sizeof(*size));
	return true;
}

static void add_chunk(struct glibc_heap *heap, uint64_t chunk, uint64_t size_bytes)
{
	if (heap->is_wanted && !heap->is_wanted(heap->context, chunk + HEADER_BYTES))
		return;
	heap->chunks = memory_grow(heap->chunks, heap->num_chunks, sizeof(*heap->chunks));
	heap->chunks[heap->num_chunks++] = (struct heap_chunk){ chunk + HEADER_BYTES, size_bytes - 8, false };
}

static void add_arena(struct glibc_heap *heap, uint64_t arena)
{
	heap->arenas = memory_grow(heap->arenas, heap->num_arenas, sizeof(*heap->arenas));
	heap->arenas[heap->num_arenas++] = arena;
}

static bool is_sound_size(uint64_t size, uint64_t chunk, uint64_t limit)
{
	uint64_t size_bytes = size & ~SIZE_FLAGS;
	return !(size & FLAG_MAPPED) && size_bytes % 16 == 0 && size_bytes >= FENCE_BYTES && size_bytes <= limit - chunk;
}

// Go from chunk to chunk, and return how far that led: limit if all is as it must be.  *top receives the last chunk.
static uint64_t walk(struct glibc_heap *heap, struct window *window, uint64_t chunk, uint64_t limit, uint64_t *top)
{
	uint64_t size, before = 0, before_bytes = 0;
	while (chunk + HEADER_BYTES <= limit) {
		bool is_read = read_size(window, chunk, &size);
		if (is_read && size <= SIZE_FLAGS && before_bytes == FENCE_BYTES && chunk + HEADER_BYTES == limit)
			return limit; // the end of a heap that is full
		if (!is_read || !is_sound_size(size, chunk, limit))
			return before ? before : chunk; // whether the last one is in use is not known
		if (before_bytes >= MIN_CHUNK_BYTES && (size & FLAG_BEFORE_IN_USE))
			add_chunk(heap, before, before_bytes);
		before = *top = chunk;
		before_bytes = size & ~SIZE_FLAGS;
		chunk += before_bytes;
		if (before_bytes == FENCE_BYTES && chunk == limit)
			break;
		if (heap->deadline_ns && heap->num_chunks % 65536 == 0 && system_clock_ns(CLOCK_MONOTONIC) > heap->deadline_ns)
			return chunk;
	}
	return chunk == limit ? limit : before;
}

// The heap that grows with brk() belongs to the first arena.
static void walk_first(struct glibc_heap *heap, struct window *window, uint64_t *top)
{
	for (size_t i = 0; i < heap->memory->num_ranges; i++) {
		const struct memory_range *range = &heap->memory->ranges[i];
		if (strcmp(range->path, "[heap]") != 0)
			continue;
		uint64_t limit = walk(heap, window, range->start, memory_limit(heap->memory, range), top);
		spans_add(&heap->heaps, range->start, limit);
		return;
	}
}

// At multiples of HEAP_MAX_BYTES: heap_info { arena, previous heap, size, ... }, then chunks; in an arena's first heap the arena
// lies between.
static void walk_other(struct glibc_heap *heap, struct window *window, uint64_t start, uint64_t range_limit)
{
	uint64_t info[3], first, top; // arena, previous, size
	if (memory_read(heap->memory, start, info, sizeof(info)) != sizeof(info))
		return;
	uint64_t header_bytes = info[0] & (HEAP_MAX_BYTES - 1);
	bool is_sound = info[2] % MEMORY_PAGE_BYTES == 0 && info[2] > 0 && info[2] <= range_limit - start &&
			header_bytes >= sizeof(info) && header_bytes <= MAX_HEAP_HEADER && header_bytes % 16 == 0 &&
			info[1] % HEAP_MAX_BYTES == 0 && (info[1] == 0) == (info[0] - header_bytes == start);
	if (!is_sound)
		return;
	first = start + header_bytes;
	if (!info[1])
		first = (first + GLIBC_ARENA_BYTES + 15) & ~UINT64_C(15);
	uint64_t limit = walk(heap, window, first, start + info[2], &top);
	if (limit == first)
		return;
	spans_add(&heap->heaps, start, limit);
	if (!info[1])
		add_arena(heap, info[0]);
}

static bool is_anonymous(const struct memory_range *range)
{
	return range->is_readable && range->is_writable && !range->is_shared && !*range->path;
}

static void walk_others(struct glibc_heap *heap, struct window *window)
{
	for (size_t i = 0; i < heap->memory->num_ranges; i++) {
		const struct memory_range *range = &heap->memory->ranges[i];
		uint64_t start = (range->start + HEAP_MAX_BYTES - 1) & ~(HEAP_MAX_BYTES - 1);
		for (; is_anonymous(range) && start < range->limit; start += HEAP_MAX_BYTES)
			walk_other(heap, window, start, memory_limit(heap->memory, range));
	}
}

static int compare(const void *a, const void *b)
{
	const struct heap_chunk *left = a, *right = b;
	return left->start < right->start ? -1 : left->start > right->start;
}

static bool are_in_order(const struct glibc_heap *heap)
{
	for (size_t i = 1; i < heap->num_chunks; i++)
		if (heap->chunks[i - 1].start > heap->chunks[i].start)
			return false;
	return true;
}

bool glibc_heap_init(struct glibc_heap *heap, const struct memory *memory, bool (*is_wanted)(void *context, uint64_t start),
		     void *context, int64_t deadline_ns)
{
	struct window *window = memory_get(1, sizeof(*window));
	uint64_t top = 0;
	*heap = (struct glibc_heap){ .memory = memory, .is_wanted = is_wanted, .context = context, .deadline_ns = deadline_ns };
	window->memory = memory;
	walk_first(heap, window, &top);
	walk_others(heap, window);
	free(window);
	if (!are_in_order(heap))
		qsort(heap->chunks, heap->num_chunks, sizeof(*heap->chunks), compare);
	glibc_lists_mark(heap, top);
	return !deadline_ns || system_clock_ns(CLOCK_MONOTONIC) <= deadline_ns;
}

void glibc_heap_forget_chunks(struct glibc_heap *heap)
{
	free(heap->chunks);
	heap->chunks = NULL;
	heap->num_chunks = 0;
}

void glibc_heap_deinit(struct glibc_heap *heap)
{
	free(heap->arenas);
	free(heap->chunks);
	spans_deinit(&heap->heaps);
	spans_deinit(&heap->own);
	*heap = (struct glibc_heap){ 0 };
}
