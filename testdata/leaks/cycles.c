// SPDX-License-Identifier: Apache-2.0
/*
 * Cycles: blocks that point to each other, with other blocks behind them, and that nobody else points to: lost.  All of them
 * are indirect, or one of each cycle is definite, as one likes.
 *
 * usage: cycles ring|self|chain
 */
#include "loss.h"

#include <stdlib.h>
#include <string.h>

struct link {
	struct link *next;
	void *tail;
	char text[16];
};

SITE static struct link *cycles_make(int length)
{
	struct link *first = (struct link *)calloc(1, sizeof(*first)), *last = first;
	for (int i = 1; i < length; i++) {
		last->next = (struct link *)calloc(1, sizeof(*last));
		last = last->next;
	}
	last->next = first;
	return first;
}

SITE static void cycles_lose(const char *kind)
{
	if (!strcmp(kind, "self")) {
		truth_keep(cycles_make(1)); // it points to itself, which is as good as to nothing
		loss_tell("lost", sizeof(struct link), 1);
	} else if (!strcmp(kind, "chain")) { // a ring that another ring points to, which has a tail
		struct link *ring = cycles_make(4);
		ring->tail = cycles_make(3);
		ring->next->tail = calloc(1, 100);
		loss_tell("lost", 7 * sizeof(struct link) + 100, 8);
	} else {
		truth_keep(cycles_make(5));
		loss_tell("lost", 5 * sizeof(struct link), 5);
	}
}

int main(int argc, char **argv)
{
	cycles_lose(argc > 1 ? argv[1] : "ring");
	loss_scrub();
	return 0;
}
