// SPDX-License-Identifier: Apache-2.0
/*
 * Loss: what a program knows about the blocks that are there at its end, for the tests to compare a verdict with.
 *
 * Each process prints lines "KIND BYTES OBJECTS"; lines of one kind add up.  Definite and indirect are exact, 0 if there is
 * no line.  "lost" is said of cycles, where it is a matter of taste which block is definite: both kinds together.
 * Reachable blocks are those of the program itself; libraries may have more.
 *
 * A pointer stays behind in registers and in dead parts of the stack after the function that had it has returned.  So
 * that the truth is one, programs lose blocks in a function of their own and call loss_scrub() after it.
 */
#ifndef TESTDATA_LEAKS_LOSS_H
#define TESTDATA_LEAKS_LOSS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "../truth.h"

static inline void loss_tell(const char *kind, size_t bytes, size_t objects)
{
	dprintf(STDOUT_FILENO, "%s %zu %zu\n", kind, bytes, objects);
}

// A running program that has nothing left to do but wait says so.
static inline void loss_say_ready(void)
{
	static const char message[] = "ready\n";
	if (write(STDOUT_FILENO, message, sizeof(message) - 1) < 0)
		_exit(9);
}

// Overwrite dead memory below the caller's frame.
SITE static void loss_scrub_stack(size_t bytes)
{
	uint64_t dead[bytes / sizeof(uint64_t)];
	for (size_t i = 0; i < bytes / sizeof(uint64_t); i++)
		dead[i] = 0;
	__asm__ volatile("" ::"r"(dead) : "memory");
}

// Registers that a function need not preserve.  The others are the caller's, which has them for what it still needs.
SITE static void loss_scrub_registers(void)
{
	__asm__ volatile(".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n\tpxor %%xmm\\n,%%xmm\\n\n\t.endr" ::: "memory");
	if (__builtin_cpu_supports("avx"))
		__asm__ volatile("vzeroall" ::: "memory");
	if (__builtin_cpu_supports("avx512f"))
		__asm__ volatile(".irp n,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n\t"
		                 "vpxorq %%zmm\\n,%%zmm\\n,%%zmm\\n\n\t.endr" ::: "memory");
	__asm__ volatile(".irp r,eax,ecx,edx,esi,edi,r8d,r9d,r10d,r11d\n\txor %%\\r,%%\\r\n\t.endr" :::
	                 "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory");
}

static inline void loss_scrub(void)
{
	loss_scrub_stack(64 << 10);
	loss_scrub_registers();
}

#endif
