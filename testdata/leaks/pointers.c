// SPDX-License-Identifier: Apache-2.0
/*
 * Pointers: what the only pointer to a block looks like.  Into the middle of a block, with the low bits as a tag, or in a union
 * with other things is as good as to its start; one past its end, at an odd place or disguised is none.
 *
 * usage: pointers middle|last|tagged|union|end|odd|disguised
 */
#include "loss.h"

#include <stdlib.h>
#include <string.h>

enum { SIZE = 1000 };

static union {
	char *volatile pointer;
	double number;
	char text[16];
} variant;

static char *volatile kept;
static volatile uintptr_t disguised;
static struct {
	char tag;
	char *volatile pointer;
} __attribute__((packed)) odd;

SITE static void pointers_make(const char *kind)
{
	char *block = (char *)calloc(1, SIZE);
	if (!strcmp(kind, "middle"))
		kept = block + SIZE / 2;
	if (!strcmp(kind, "last"))
		kept = block + SIZE - 1;
	if (!strcmp(kind, "tagged"))
		kept = block + 3;
	if (!strcmp(kind, "union"))
		variant.pointer = block;
	if (!strcmp(kind, "end"))
		kept = block + SIZE;
	if (!strcmp(kind, "odd"))
		odd.pointer = block;
	if (!strcmp(kind, "disguised"))
		disguised = ~(uintptr_t)block;
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "middle";
	pointers_make(kind);
	loss_scrub();
	int is_lost = !strcmp(kind, "end") || !strcmp(kind, "odd") || !strcmp(kind, "disguised");
	loss_tell(is_lost ? "definite" : "reachable", SIZE, 1);
	return 0;
}
