// SPDX-License-Identifier: Apache-2.0
// Keeper: a library that allocates when lost.c loads it.
#include <stdlib.h>
#include <string.h>

static void *volatile kept[2];

__attribute__((constructor)) static void keep_in_constructor(void)
{
	kept[0] = malloc(1001);
	kept[1] = strdup("by a constructor that the loader calls");
}
