// SPDX-License-Identifier: Apache-2.0
/*
 * A preloaded library that has a handler for SIGUSR2 before main begins, and says at the end how often
 * it ran.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static volatile sig_atomic_t num_signals;

static void on_signal(int signal)
{
	num_signals += signal == SIGUSR2;
}

__attribute__((constructor)) static void begin(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	sigaction(SIGUSR2, &action, NULL);
}

__attribute__((destructor)) static void end(void)
{
	dprintf(STDOUT_FILENO, "early handler: %d\n", (int)num_signals);
}
