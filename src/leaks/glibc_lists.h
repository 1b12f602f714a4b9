// SPDX-License-Identifier: Apache-2.0
/*
 * glibc lists: freed blocks that glibc's malloc keeps as if they were in use, for whoever asks for that size next: those of
 * each thread (tcache) and those of an arena (fast bins).
 *
 * OUTSIDE; one thread.
 */
#ifndef CAIRN_LEAKS_GLIBC_LISTS_H
#define CAIRN_LEAKS_GLIBC_LISTS_H

#include <stdint.h>

#include "leaks/glibc_heap.h"

#define GLIBC_ARENA_BYTES 0x898 // struct malloc_state

// Mark what the arenas of the heap, the first one, whose last chunk is top (0: not known), and the threads list, and note
// where the first arena lies.  Chunks are in order.
void glibc_lists_mark(struct glibc_heap *heap, uint64_t top);

#endif
