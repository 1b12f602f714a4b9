// SPDX-License-Identifier: Apache-2.0
/*
 * Obeys lines on standard input: "+ MIB" allocates that many blocks of 1 MiB, "- MIB" frees the last ones,
 * and an answer is printed when it is done.  Ends with the input.
 */
#include "truth.h"

#include <stdlib.h>

enum { MAX_BLOCKS = 10000, MIB = 1 << 20 };

static char *blocks[MAX_BLOCKS];
static int num_blocks;
static struct truth truth = {.function = "growth_allocate"};

SITE static char *growth_allocate(size_t size)
{
	truth_add(&truth, size);
	return truth_keep(malloc(size));
}

static void obey(char direction, int count)
{
	for (int i = 0; i < count; i++) {
		if (direction == '+' && num_blocks < MAX_BLOCKS) {
			blocks[num_blocks++] = growth_allocate(MIB);
		} else if (direction == '-' && num_blocks > 0) {
			free(blocks[--num_blocks]);
			truth_remove(&truth, MIB);
		}
	}
}

int main(void)
{
	char direction;
	int count;
	while (scanf(" %c %d", &direction, &count) == 2) {
		obey(direction, count);
		dprintf(STDOUT_FILENO, "done\n");
	}
	truth_print(&truth);
	return 0;
}
