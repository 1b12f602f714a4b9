// SPDX-License-Identifier: Apache-2.0
/*
 * A signal handler on an alternate stack of 8 KiB, with a page below it that must not be touched, that
 * allocates.  malloc in a handler is allowed here: the signal is raised where no malloc runs.
 */
#include "truth.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { STACK_BYTES = 8192, GUARD_BYTES = 4096, NUM_SIGNALS = 20 };

static struct truth truth = {.function = "handler_allocate"};

SITE static void handler_allocate(size_t size)
{
	truth_keep(malloc(size));
	truth_add(&truth, size);
}

static void handler(int signal)
{
	handler_allocate((size_t)signal * 100);
}

int main(void)
{
	char *stack = mmap(NULL, GUARD_BYTES + STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stack == MAP_FAILED || mprotect(stack, GUARD_BYTES, PROT_NONE))
		return 2;
	stack_t alternate = {.ss_sp = stack + GUARD_BYTES, .ss_size = STACK_BYTES};
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
	if (sigaltstack(&alternate, NULL) || sigaction(SIGUSR1, &action, NULL))
		return 2;
	for (int i = 0; i < NUM_SIGNALS; i++)
		raise(SIGUSR1);
	truth_print(&truth);
	return 0;
}
