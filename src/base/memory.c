// SPDX-License-Identifier: Apache-2.0
// Memory.  OUTSIDE.
#include "base/memory.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE_BYTES ((uintptr_t)2 << 20)
#define LARGE_BYTES ((size_t)16 << 20)

static void *need(void *memory)
{
	if (!memory) {
		fputs("cairn: out of memory\n", stderr);
		exit(EXIT_FAILURE);
	}
	return memory;
}

// Half of the time that it takes to fill a large array goes into its pages, if they are small.
static void *with_huge_pages(void *memory, size_t num_elements, size_t element_bytes)
{
	uintptr_t start = ((uintptr_t)memory + HUGE_PAGE_BYTES - 1) & -HUGE_PAGE_BYTES;
	uintptr_t limit = ((uintptr_t)memory + num_elements * element_bytes) & -HUGE_PAGE_BYTES;
	if (num_elements * element_bytes >= LARGE_BYTES)
		madvise((void *)start, limit - start, MADV_HUGEPAGE); // as far as the kernel likes to
	return memory;
}

void *memory_get(size_t num_elements, size_t element_bytes)
{
	return with_huge_pages(need(calloc(num_elements ? num_elements : 1, element_bytes)), num_elements, element_bytes);
}

void *memory_resize(void *array, size_t num_elements, size_t element_bytes)
{
	array = need(reallocarray(array, num_elements ? num_elements : 1, element_bytes));
	return with_huge_pages(array, num_elements, element_bytes);
}

void *memory_grow(void *array, size_t num_elements, size_t element_bytes)
{
	bool is_full = (num_elements & (num_elements - 1)) == 0; // as it is at powers of 2
	return is_full ? memory_resize(array, num_elements ? 2 * num_elements : 1, element_bytes) : array;
}

char *memory_copy_string(const char *string)
{
	return need(strdup(string));
}
