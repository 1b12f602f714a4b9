// SPDX-License-Identifier: Apache-2.0
/*
 * Signal stacks: a signal handler on a stack of its own loses a block; or it never returns, and its stack is all that points to
 * the block, which is reachable then.
 *
 * usage: signal_stacks lost|held
 */
#include "loss.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { SIZE = 450, STACK = 64 << 10 };

static volatile int is_held;

SITE static void signal_stacks_allocate(void)
{
	truth_keep(calloc(1, SIZE));
}

SITE static void signal_stacks_hold(void)
{
	void *volatile here = calloc(1, SIZE);
	loss_scrub_stack(16 << 10);
	loss_scrub_registers();
	exit(0);
	free(here);
}

static void handle(int signal)
{
	(void)signal;
	if (is_held)
		signal_stacks_hold();
	signal_stacks_allocate();
	loss_scrub_stack(16 << 10);
	loss_scrub_registers();
}

int main(int argc, char **argv)
{
	is_held = argc > 1 && !strcmp(argv[1], "held");
	void *memory = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t stack = {.ss_sp = memory, .ss_size = STACK};
	struct sigaction action = {.sa_handler = handle, .sa_flags = SA_ONSTACK};
	loss_tell(is_held ? "reachable" : "definite", SIZE, 1);
	sigaltstack(&stack, NULL);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	loss_scrub();
	return 0;
}
