// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzzer: whatever a just-in-time compiler writes, lines are read as if written over one another.
 *
 * The input is the map's text.  Its lines are read a second time here, in the plainest way, for the addresses that they
 * begin at.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "symbolize/perf_map.h"

#define MAX_LINES 200

// The name in the last line that covers address; lines that this does not understand are not counted as sure.
static const char *find_last(char *const *lines, int num_lines, uint64_t address)
{
	const char *found = NULL;
	for (int i = 0; i < num_lines; i++) {
		uint64_t start, size_bytes;
		int at = 0;
		if (sscanf(lines[i], "%16lx %16lx %n", &start, &size_bytes, &at) >= 2 && at && address - start < size_bytes &&
		    start + size_bytes > start)
			found = lines[i] + at;
	}
	return found;
}

// The end of a number of up to 16 digits and the space that follows it; NULL: it is none.
static const char *skip_number(const char *at)
{
	size_t num_digits = strspn(at, "0123456789abcdef");
	return num_digits && num_digits <= 16 && at[num_digits] == ' ' ? at + num_digits + 1 : NULL;
}

// A line of this form is surely understood: "10 8 name".
static bool is_plain(const char *line)
{
	const char *at = skip_number(line);
	at = at ? skip_number(at) : NULL;
	return at && (unsigned char)*at > ' ';
}

static void compare(const struct perf_map *map, char *const *lines, int num_lines)
{
	for (int i = 0; i < num_lines; i++) {
		uint64_t address = strtoull(lines[i], NULL, 16);
		const char *expected = find_last(lines, num_lines, address), *found = perf_map_find(map, address);
		if ((expected != NULL) != (found != NULL) || (expected && strcmp(expected, found) != 0))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t num_bytes)
{
	char *lines[MAX_LINES], *text = calloc(num_bytes + 1, 1);
	int num_lines = 0;
	bool are_plain = num_bytes > 0;
	struct perf_map *map = perf_map_create((const char *)input, num_bytes);
	if (num_bytes)
		memcpy(text, input, num_bytes);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		are_plain = are_plain && is_plain(line) && num_lines < MAX_LINES;
		if (are_plain)
			lines[num_lines++] = line;
	}
	for (uint64_t at = 0; at < 0x100; at += 3)
		perf_map_find(map, at);
	if (are_plain && !memchr(input, 0, num_bytes))
		compare(map, lines, num_lines);
	perf_map_destroy(map);
	free(text);
	return 0;
}
