// SPDX-License-Identifier: Apache-2.0
/*
 * Allocates through a shared library that it is linked with.
 */
#include <stddef.h>

void *plugin_run(size_t size);

int main(void)
{
	return plugin_run(1234) ? 0 : 1;
}
