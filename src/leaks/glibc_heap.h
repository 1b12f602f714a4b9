// SPDX-License-Identifier: Apache-2.0
/*
 * glibc heap: the blocks that glibc's malloc has given out, found by its own headers, and the memory that is its own: free
 * blocks and the lists of them.
 *
 * Which is needed since freed memory still holds pointers, and lists of free blocks point at the ends of blocks before
 * them.  Everything is checked against everything else (sizes lead from the start of a heap to its top; lists lead
 * to blocks of their size); a heap that is found in the middle of a change, or that is not glibc's, is left alone from there
 * on.  Layouts: glibc 2.26 to 2.41, malloc/malloc.c and malloc/arena.c, on 64 bits.
 *
 * OUTSIDE; one thread.
 */
#ifndef CAIRN_LEAKS_GLIBC_HEAP_H
#define CAIRN_LEAKS_GLIBC_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "leaks/spans.h"
#include "target/memory.h"

struct heap_chunk { // a block in use, or that seems to be
	uint64_t start;           // what malloc() returned
	uint64_t size_bytes : 63; // that the program may use
	uint64_t is_free : 1;     // it waits in a list of free blocks
};

struct glibc_heap {
	const struct memory *memory;
	struct heap_chunk *chunks; // by address in each heap
	size_t num_chunks;
	struct spans heaps;        // where all memory is malloc's: what lies in no block is free
	struct spans own;          // the first arena, which lies in the library
	uint64_t *arenas;          // addresses of struct malloc_state
	size_t num_arenas;
	bool (*is_wanted)(void *context, uint64_t start);
	void *context;             // of is_wanted
	int64_t deadline_ns;       // CLOCK_MONOTONIC; 0: none
};

// Chunks are those that is_wanted (NULL: all).  False: deadline_ns has passed.
bool glibc_heap_init(struct glibc_heap *heap, const struct memory *memory, bool (*is_wanted)(void *context, uint64_t start),
		     void *context, int64_t deadline_ns);
// Give back what the chunks take.
void glibc_heap_forget_chunks(struct glibc_heap *heap);
void glibc_heap_deinit(struct glibc_heap *heap);

#endif
