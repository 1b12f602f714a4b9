// SPDX-License-Identifier: Apache-2.0
/*
 * Waiting: a program that has lost and kept blocks, says so, and then waits to be looked at.  At a line of input it ends.
 * Sizes are mixed, and how many blocks of each size were lost is said too ("blocks SIZE NUMBER").  Those that are kept are a
 * list: each is only found through the one before, whether that was sampled or not.
 *
 * usage: waiting few|many
 */
#include "loss.h"

#include <stdlib.h>
#include <string.h>

enum { NUM_SIZES = 10 };

// From below to above the sampling rate.
static const size_t sizes[NUM_SIZES] = {16, 100, 1000, 48, 4096, 300, 20000, 64, 700, 60000};
static void *volatile kept;
static char input[2];

SITE static void *waiting_make(size_t size)
{
	return calloc(1, size);
}

SITE static void waiting_lose(size_t size)
{
	truth_keep(waiting_make(size));
}

SITE static void waiting_keep(size_t size)
{
	void **block = (void **)waiting_make(size);
	*block = kept;
	kept = block;
}

int main(int argc, char **argv)
{
	size_t num_each = argc > 1 && !strcmp(argv[1], "many") ? 600 : 1;
	for (size_t i = 0; i < num_each * NUM_SIZES; i++) {
		waiting_lose(sizes[i % NUM_SIZES]);
		waiting_keep(sizes[i % NUM_SIZES]);
	}
	loss_scrub();
	for (size_t i = 0; i < NUM_SIZES; i++) {
		loss_tell("blocks", sizes[i], num_each);
		loss_tell("definite", sizes[i] * num_each, num_each);
		loss_tell("reachable", sizes[i] * num_each, num_each);
	}
	loss_say_ready();
	if (read(STDIN_FILENO, input, sizeof(input)) < 0)
		return 3;
	return 0;
}
