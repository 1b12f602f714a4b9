// SPDX-License-Identifier: Apache-2.0
/*
 * Allocates a little, says so, and exits with status 5.  Built in ways that cairn cannot profile: it
 * must run unharmed all the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
	char *block = malloc(100);
	if (!block)
		return 1;
	strcpy(block, "hello");
	block = realloc(block, 1000);
	if (!block)
		return 1;
	puts(block);
	free(block);
	return 5;
}
