// SPDX-License-Identifier: Apache-2.0
/*
 * Running a function on a stack of its own, where the caller's may be small: a signal stack, a coroutine, a
 * thread with the smallest stack that there can be.
 *
 * INSIDE, any thread, signal handlers too, with signals blocked.  The function must return.
 */
#ifndef CAIRN_BASE_OTHER_STACK_H
#define CAIRN_BASE_OTHER_STACK_H

#include <stddef.h>
#include <stdint.h>

static inline void call_on_stack(void (*function)(void *), void *argument, void *stack, size_t stack_bytes)
{
	uintptr_t top = ((uintptr_t)stack + stack_bytes) & ~UINT64_C(15);
	// rbx is kept by the called function (System V ABI for AMD64, 3.2.1), and rsp in it.
	__asm__ volatile("movq %%rsp, %%rbx\n\t"
			 "movq %[top], %%rsp\n\t"
			 "callq *%[function]\n\t"
			 "movq %%rbx, %%rsp"
			 : "+D"(argument)
			 : [top] "r"(top), [function] "r"(function)
			 : "rax", "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "memory", "cc", "st", "xmm0", "xmm1",
			   "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
			   "xmm14", "xmm15");
}

#endif
