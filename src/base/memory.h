// SPDX-License-Identifier: Apache-2.0
/*
 * Memory: allocation for programs that have nothing better to do without it than to end.
 *
 * OUTSIDE; any thread.  Each function ends the program with "cairn: out of memory" and status 1 rather than
 * return NULL.  What it returns is given back with free().
 */
#ifndef CAIRN_BASE_MEMORY_H
#define CAIRN_BASE_MEMORY_H

#include <stddef.h>

// Zeroed; an array of num_elements, which may be 0.
void *memory_get(size_t num_elements, size_t element_bytes) __attribute__((malloc, alloc_size(1, 2), returns_nonnull));

// Make an array (NULL: an empty one) larger or smaller; new elements are not zeroed.
void *memory_resize(void *array, size_t num_elements, size_t element_bytes)
	__attribute__((alloc_size(2, 3), returns_nonnull));

// Room for one more element in an array that has num_elements, all of them got by this function: it doubles.
void *memory_grow(void *array, size_t num_elements, size_t element_bytes) __attribute__((returns_nonnull));

char *memory_copy_string(const char *string) __attribute__((malloc, returns_nonnull));

#endif
