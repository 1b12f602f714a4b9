// SPDX-License-Identifier: Apache-2.0
/*
 * Coroutines on stacks of 16 KiB, with a page below each that must not be touched, that allocate and
 * yield to one another.
 */
#include "truth.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { NUM_COROUTINES = 16, NUM_ROUNDS = 50, STACK_BYTES = 16384, GUARD_BYTES = 4096 };

struct coroutine {
	ucontext_t context;
	char *stack;
	char *last;
};

static struct truth truth = {.function = "coroutine_allocate"};
static struct coroutine coroutines[NUM_COROUTINES];
static ucontext_t main_context;

SITE static char *coroutine_allocate(size_t size)
{
	char *block = truth_keep(malloc(size));
	truth_add(&truth, size);
	return block;
}

// Every round keeps one block and frees that of the round before, which another coroutine may have seen die.
static void run(int number)
{
	struct coroutine *self = &coroutines[number];
	for (int round = 0; round < NUM_ROUNDS; round++) {
		size_t size = (size_t)(number + 1) * 10;
		if (self->last) {
			free(self->last);
			truth_remove(&truth, size);
		}
		self->last = coroutine_allocate(size);
		swapcontext(&self->context, &coroutines[(number + 1) % NUM_COROUTINES].context);
	}
	swapcontext(&self->context, number + 1 < NUM_COROUTINES ? &coroutines[number + 1].context : &main_context);
}

int main(void)
{
	for (int i = 0; i < NUM_COROUTINES; i++) {
		struct coroutine *coroutine = &coroutines[i];
		coroutine->stack = mmap(NULL, GUARD_BYTES + STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (coroutine->stack == MAP_FAILED || mprotect(coroutine->stack, GUARD_BYTES, PROT_NONE))
			return 2;
		getcontext(&coroutine->context);
		coroutine->context.uc_stack.ss_sp = coroutine->stack + GUARD_BYTES;
		coroutine->context.uc_stack.ss_size = STACK_BYTES;
		coroutine->context.uc_link = NULL;
		makecontext(&coroutine->context, (void (*)(void))run, 1, i);
	}
	swapcontext(&main_context, &coroutines[0].context);
	truth_print(&truth);
	return 0;
}
