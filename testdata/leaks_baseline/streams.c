// SPDX-License-Identifier: Apache-2.0
// Streams: standard ones with buffers, in bytes and wide characters, and one that is closed.  Leaks nothing.
#include <stdio.h>
#include <wchar.h>

int main(void)
{
	char line[100];
	puts("to a buffer that the C library keeps");
	setvbuf(stderr, NULL, _IOLBF, 0);
	fprintf(stderr, "%s", "");
	FILE *null = fopen("/dev/null", "w+");
	if (!null || !fgets(line, sizeof(line), stdin))
		line[0] = 0;
	if (null)
		fwprintf(null, L"%ls", L"wide");
	if (null)
		fclose(null);
	return 0;
}
