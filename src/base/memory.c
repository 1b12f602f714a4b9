// SPDX-License-Identifier: Apache-2.0
// Memory.  OUTSIDE.
#include "base/memory.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *need(void *memory)
{
	if (!memory) {
		fputs("cairn: out of memory\n", stderr);
		exit(EXIT_FAILURE);
	}
	return memory;
}

void *memory_get(size_t num_elements, size_t element_bytes)
{
	return need(calloc(num_elements ? num_elements : 1, element_bytes));
}

void *memory_resize(void *array, size_t num_elements, size_t element_bytes)
{
	return need(reallocarray(array, num_elements ? num_elements : 1, element_bytes));
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
