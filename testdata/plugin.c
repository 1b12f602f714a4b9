// SPDX-License-Identifier: Apache-2.0
/*
 * A plugin that allocates.  Built several times: PLUGIN_NAME is the function that allocates, by which the
 * tests tell them apart, and PLUGIN_PADDING makes the copies differ in their layout.
 */
#include "truth.h"

#include <stdlib.h>

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

void *JOIN(PLUGIN_NAME, _allocate)(size_t size);
void *plugin_run(size_t size);

SITE void *JOIN(PLUGIN_NAME, _allocate)(size_t size)
{
#ifdef PLUGIN_PADDING
	__asm__ volatile(".fill 5000, 1, 0x90");
#endif
	return truth_keep(malloc(size));
}

SITE void *plugin_run(size_t size)
{
	return truth_keep(JOIN(PLUGIN_NAME, _allocate)(size));
}
