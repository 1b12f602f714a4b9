// SPDX-License-Identifier: Apache-2.0
// Memory.  OUTSIDE.
#include "base/memory.h"

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

char *memory_copy_string(const char *string)
{
	return need(strdup(string));
}
