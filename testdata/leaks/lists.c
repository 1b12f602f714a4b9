// SPDX-License-Identifier: Apache-2.0
/*
 * Lists: one of which the whole is lost: its head definite, the rest indirect; and one that is kept, although the lost one goes
 * on into it.
 */
#include "loss.h"

#include <stdlib.h>

struct node {
	struct node *next;
	char text[40];
};

static struct node *volatile kept;

SITE static struct node *lists_make(int length, struct node *rest)
{
	struct node *head = rest;
	for (int i = 0; i < length; i++) {
		struct node *node = (struct node *)calloc(1, sizeof(*node));
		node->next = head;
		head = node;
	}
	return head;
}

SITE static void lists_lose(void)
{
	truth_keep(lists_make(10, kept));
}

int main(void)
{
	kept = lists_make(7, NULL);
	lists_lose();
	loss_scrub();
	loss_tell("definite", sizeof(struct node), 1);
	loss_tell("indirect", 9 * sizeof(struct node), 9);
	loss_tell("reachable", 7 * sizeof(struct node), 7);
	return 0;
}
