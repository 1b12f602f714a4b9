// SPDX-License-Identifier: Apache-2.0
/*
 * Trees: one that is lost whole: its root definite, the rest indirect; and one whose root is kept, of which a branch is lost.
 */
#include "loss.h"

#include <stdlib.h>

struct tree {
	struct tree *left, *right;
	long value;
};

static struct tree *volatile kept;

SITE static struct tree *trees_make(int depth)
{
	struct tree *tree = (struct tree *)calloc(1, sizeof(*tree));
	if (depth > 1) {
		tree->left = trees_make(depth - 1);
		tree->right = trees_make(depth - 1);
	}
	return tree;
}

SITE static void trees_lose(void)
{
	truth_keep(trees_make(6));
	kept = trees_make(4);
	kept->left = NULL;
}

int main(void)
{
	trees_lose();
	loss_scrub();
	loss_tell("definite", 2 * sizeof(struct tree), 2);
	loss_tell("indirect", (62 + 6) * sizeof(struct tree), 62 + 6);
	loss_tell("reachable", 8 * sizeof(struct tree), 8);
	return 0;
}
