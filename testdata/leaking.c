// SPDX-License-Identifier: Apache-2.0
/*
 * Allocates all the time and frees what got old, until its input ends.  Arguments: what it does besides, and optionally
 * how many bytes it allocates in a millisecond, how long they live (ms), and how many bytes it loses in a millisecond.
 *   steady   nothing
 *   leaking  loses blocks in a function of its own
 *   inside   loses blocks in the function that allocates the others
 *   cache    keeps blocks for a second after it was told to, by a line on its input, and then replaces a part of them
 *   working  loses a block of 100 bytes for each of its units of work, which it counts
 */
#include "truth.h"

#include <cairn.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BLOCK_BYTES = 1000, MAX_LIVE = 1 << 22 };

static char *live[MAX_LIVE];
static size_t num_allocated;

SITE static char *leaking_work(size_t size)
{
	return truth_keep(malloc(size));
}

SITE static char *leaking_lose(size_t size)
{
	return truth_keep(malloc(size));
}

SITE static char *leaking_fill(size_t size)
{
	return truth_keep(malloc(size));
}

// The oldest makes room.
static void replace(size_t num_live)
{
	char **place = &live[num_allocated++ % num_live];
	free(*place);
	*place = leaking_work(BLOCK_BYTES);
}

static long now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000L + now.tv_nsec / 1000;
}

static long argument(int argc, char **argv, int number, long otherwise)
{
	return argc > number ? atol(argv[number]) : otherwise;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "steady";
	long per_ms = argument(argc, argv, 2, 20000), life_ms = argument(argc, argv, 3, 50), lost_per_ms = argument(argc, argv, 4, 2000);
	size_t num_live = (size_t)(per_ms * life_ms / BLOCK_BYTES);
	static char *cache[1000];
	long allocated = 0, lost = 0, start = now_us(), fill_start = 0;
	num_live = num_live < 1 ? 1 : num_live < MAX_LIVE ? num_live : MAX_LIVE;
	dprintf(STDOUT_FILENO, "ready\n");
	for (size_t step = 0;; step++) {
		struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
		char line[16];
		if (poll(&input, 1, 1) > 0 && read(STDIN_FILENO, line, sizeof(line)) <= 0)
			return 0;
		else if (input.revents)
			fill_start = now_us();
		long elapsed = now_us() - start, since_fill = fill_start ? now_us() - fill_start : 0;
		for (; allocated < elapsed * per_ms / 1000; allocated += BLOCK_BYTES)
			replace(num_live);
		for (; strcmp(mode, "leaking") == 0 && lost < elapsed * lost_per_ms / 1000; lost += BLOCK_BYTES)
			leaking_lose(BLOCK_BYTES);
		for (; strcmp(mode, "inside") == 0 && lost < elapsed * lost_per_ms / 1000; lost += BLOCK_BYTES)
			leaking_work(BLOCK_BYTES);
		for (int i = 0; strcmp(mode, "working") == 0 && i < 10; i++) {
			leaking_lose(100);
			cairn_add_work(1);
		}
		if (strcmp(mode, "cache") == 0 && fill_start) {
			size_t number = since_fill < 1000000 ? (size_t)since_fill / 1000 : step % 200;
			free(cache[number]);
			cache[number] = leaking_fill(BLOCK_BYTES);
		}
	}
}
