// SPDX-License-Identifier: Apache-2.0
/*
 * Threads that end in the middle of what cairn does, as cancelling them at any place may do: a signal handler ends the
 * thread if it has interrupted cairn's library, where no lock of the program's is held.  Afterwards another thread allocates.
 */
#include "truth.h"

#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>

enum { NUM_ENDED = 400, NUM_TRIES = 20000, NUM_AFTERWARDS = 2000, SIZE_AFTERWARDS = 10000 };

static struct truth truth = {.function = "allocate_afterwards"};
static uintptr_t library_start, library_limit; // code
static volatile sig_atomic_t has_ended, is_over;

static int visit(struct dl_phdr_info *info, size_t size, void *argument)
{
	(void)size;
	(void)argument;
	for (int i = 0; strstr(info->dlpi_name, "libcairn") && i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD && info->dlpi_phdr[i].p_flags & PF_X) {
			library_start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
			library_limit = library_start + info->dlpi_phdr[i].p_memsz;
		}
	return 0;
}

static void handler(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)info;
	uintptr_t pc = (uintptr_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
	if (pc < library_start || pc >= library_limit)
		return;
	has_ended = 1;
	syscall(SYS_exit, 0);
}

static void *allocate_until_the_end(void *argument)
{
	while (!is_over && !has_ended)
		free(truth_keep(malloc(100)));
	return argument;
}

static void end_one(int *tries)
{
	pthread_t thread;
	has_ended = 0;
	if (pthread_create(&thread, NULL, allocate_until_the_end, NULL))
		exit(2);
	while (!has_ended && ++*tries < NUM_TRIES) {
		nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
		if (!has_ended)
			pthread_kill(thread, SIGUSR1);
	}
	is_over = !has_ended;
	pthread_join(thread, NULL);
}

SITE static void allocate_afterwards(void)
{
	truth_keep(malloc(SIZE_AFTERWARDS));
	truth_add(&truth, SIZE_AFTERWARDS);
}

int main(void)
{
	int tries = 0;
	dl_iterate_phdr(visit, NULL);
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
	sigaction(SIGUSR1, &action, NULL);
	for (int i = 0; library_start && i < NUM_ENDED; i++)
		end_one(&tries);
	for (int i = 0; i < NUM_AFTERWARDS; i++)
		allocate_afterwards();
	dprintf(STDOUT_FILENO, "tries %d\n", tries);
	truth_print(&truth);
	return 0;
}
