// SPDX-License-Identifier: Apache-2.0
/*
 * Coroutines: a block that only the stack of a suspended coroutine points to is reachable, wherever that stack is; so is what only
 * the thread's own stack points to while the thread is in a coroutine as it ends.
 *
 * usage: coroutines mapped|allocated|inside
 */
#include "loss.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { SIZE = 350, STACK = 256 << 10 };

static ucontext_t outer, inner;
static void *volatile stack;

SITE static void coroutines_hold(void)
{
	void *volatile here = calloc(1, SIZE);
	loss_scrub();
	swapcontext(&inner, &outer);
	free(here);
}

SITE static void coroutines_end(void)
{
	loss_scrub();
	exit(0);
}

static void enter(void (*function)(void))
{
	getcontext(&inner);
	inner.uc_stack.ss_sp = stack;
	inner.uc_stack.ss_size = STACK;
	makecontext(&inner, function, 0);
	swapcontext(&outer, &inner);
}

SITE static void coroutines_hold_outside(void)
{
	void *volatile here = calloc(1, SIZE);
	loss_scrub();
	enter(coroutines_end);
	free(here);
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "mapped";
	loss_tell("reachable", SIZE, 1);
	if (!strcmp(kind, "allocated"))
		stack = calloc(1, STACK);
	else
		stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!strcmp(kind, "inside"))
		coroutines_hold_outside();
	else
		enter(coroutines_hold);
	loss_scrub();
	return 0;
}
