// SPDX-License-Identifier: Apache-2.0
// Exits: more functions to be called at the end than there is room for beforehand.  Leaks nothing.
#include <stdlib.h>

static int num_called;

static void count(void)
{
	num_called++;
}

static void count_too(int status, void *context)
{
	(void)status;
	(void)context;
	num_called++;
}

int main(void)
{
	for (int i = 0; i < 100; i++) {
		atexit(count);
		on_exit(count_too, NULL);
		at_quick_exit(count);
	}
	return 0;
}
