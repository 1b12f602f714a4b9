// SPDX-License-Identifier: Apache-2.0
/*
 * Keeper: a library to be loaded that keeps a pointer in its .data, its .bss, or its thread-local storage.
 */
#include <string.h>

static void *volatile in_data = (void *)&in_data;
static void *volatile in_bss;
static __thread void *volatile in_thread;

void keeper_keep(const char *where, void *pointer)
{
	if (!strcmp(where, "data"))
		in_data = pointer;
	if (!strcmp(where, "bss"))
		in_bss = pointer;
	if (!strcmp(where, "thread"))
		in_thread = pointer;
}
