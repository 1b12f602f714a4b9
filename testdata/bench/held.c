// SPDX-License-Identifier: Apache-2.0
/*
 * A program that holds on to many blocks, each of which points to two others, at random.
 *
 * usage: held NUMBER BYTES
 *
 * Prints "ready" and waits for the end of its standard input.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct block {
	struct block *before, *other;
};

static struct block **blocks;

static unsigned long next_random(void)
{
	static unsigned long state = 1;
	state = state * 6364136223846793005 + 1442695040888963407;
	return state >> 33;
}

int main(int argc, char **argv)
{
	long num = argc == 3 ? atol(argv[1]) : 0, size_bytes = argc == 3 ? atol(argv[2]) : 0;
	if (num < 1 || size_bytes < (long)sizeof(struct block) || !(blocks = calloc((size_t)num, sizeof(*blocks))))
		return 2;
	for (long i = 0; i < num; i++) {
		blocks[i] = malloc((size_t)size_bytes);
		if (!blocks[i])
			return 1;
		memset(blocks[i], 1, (size_t)size_bytes);
		blocks[i]->before = i ? blocks[i - 1] : NULL;
		blocks[i]->other = i ? blocks[next_random() % (unsigned long)i] : NULL;
	}
	puts("ready");
	fflush(stdout);
	while (getchar() != EOF)
		;
	return 0;
}
