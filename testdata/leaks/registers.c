// SPDX-License-Identifier: Apache-2.0
/*
 * Registers: a block that only a register points to is reachable: a general one, or a vector one.  It is a thread's that waits while
 * the first one returns from main, or the first one's as it ends the process.
 *
 * usage: registers general|vector|high|ending
 */
#include "loss.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

enum { SIZE = 500 };

static sem_t ready;
static volatile uintptr_t disguised; // the block's address until it is in the register

SITE static void registers_make(void)
{
	disguised = ~(uintptr_t)calloc(1, SIZE);
}

// What the program said must be known before there is only the register: the wait never returns.
SITE static void registers_wait_general(void)
{
	__asm__ volatile("mov %0, %%rbx\n\tnot %%rbx\n\tmovq $0, %0\n\t"
	                 "0: mov %1, %%eax\n\tsyscall\n\tjmp 0b"
	                 : "+m"(disguised) : "i"(SYS_pause) : "rax", "rbx", "rcx", "r11", "memory");
}

// A function that makes a system call need not keep these, so this thread does not wait in one.
SITE static void registers_spin_vector(void)
{
	__asm__ volatile("mov %0, %%rax\n\tnot %%rax\n\tmovq %%rax, %%xmm9\n\tmovq $0, %0\n\t"
	                 "xor %%eax, %%eax\n\t0: pause\n\tjmp 0b"
	                 : "+m"(disguised) : : "rax", "xmm9", "memory");
}

// In the upper half of a register of 256 bits, where a copy leaves it.
SITE static void registers_spin_high(void)
{
	__asm__ volatile("mov %0, %%rax\n\tnot %%rax\n\tvmovq %%rax, %%xmm8\n\tvxorps %%ymm9, %%ymm9, %%ymm9\n\t"
	                 "vinsertf128 $1, %%xmm8, %%ymm9, %%ymm9\n\tvxorps %%xmm8, %%xmm8, %%xmm8\n\tmovq $0, %0\n\t"
	                 "xor %%eax, %%eax\n\t0: pause\n\tjmp 0b"
	                 : "+m"(disguised) : : "rax", "xmm8", "xmm9", "memory");
}

static void *hold(void *argument)
{
	const char *where = (const char *)argument;
	registers_make();
	loss_scrub();
	sem_post(&ready);
	if (!strcmp(where, "vector"))
		registers_spin_vector();
	else if (!strcmp(where, "high"))
		registers_spin_high();
	else
		registers_wait_general();
	return NULL;
}

int main(int argc, char **argv)
{
	char *where = argc > 1 ? argv[1] : (char *)"general";
	pthread_t thread;
	loss_tell("reachable", SIZE, 1);
	if (!strcmp(where, "ending")) {
		registers_make();
		loss_scrub();
		__asm__ volatile("mov %0, %%rbx\n\tnot %%rbx\n\tmovq $0, %0\n\tmov %1, %%eax\n\txor %%edi, %%edi\n\tsyscall"
		                 : "+m"(disguised) : "i"(SYS_exit_group) : "rax", "rbx", "rcx", "rdi", "r11", "memory");
	}
	sem_init(&ready, 0, 0);
	pthread_create(&thread, NULL, hold, where);
	sem_wait(&ready);
	while (disguised)
		usleep(1000);
	loss_scrub();
	return 0;
}
