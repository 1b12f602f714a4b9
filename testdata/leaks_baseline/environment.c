// SPDX-License-Identifier: Apache-2.0
// Environment: variables that are set, replaced and taken away.  Leaks nothing.
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
	static char put[] = "CAIRN_EXAMPLE_PUT=1";
	char name[40];
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "CAIRN_EXAMPLE_%d", i);
		setenv(name, "a value", 1);
		setenv(name, "another value", 1);
		if (i % 2)
			unsetenv(name);
	}
	putenv(put);
	return 0;
}
