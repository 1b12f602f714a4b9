// SPDX-License-Identifier: Apache-2.0
// Stack memory: which of it may be read.  INSIDE.
#include "unwind/stack.h"

#include "base/system.h"

#define PAGE 4096UL
#define MAX_OWN_PAGES 16384  // of a thread's own stack, checked at the first walk: 64 MiB
#define MAX_JUMP (1UL << 20) // the largest frame on a stack whose size is not known

// Where the main thread's stack begins: set by the loader, in glibc since 2.1.
extern void *__libc_stack_end __attribute__((weak));

// The top of the stack that this thread was given, if sp is on it.  glibc puts the thread's control
// block at the top of every stack but the main one.
static uintptr_t own_top(uintptr_t sp)
{
	uintptr_t control_block = (uintptr_t)__builtin_thread_pointer();
	uintptr_t main_top = &__libc_stack_end ? (uintptr_t)__libc_stack_end & ~7UL : 0;
	uintptr_t top = control_block > sp ? control_block & ~7UL : UINTPTR_MAX;
	if (main_top > sp && main_top < top)
		top = main_top;
	return top != UINTPTR_MAX && top - sp <= MAX_OWN_PAGES * PAGE ? top : 0;
}

// The first page from from on that cannot be read; to if there is none below it.
static uintptr_t find_hole(uintptr_t from, uintptr_t to)
{
	for (uintptr_t page = from; page < to; page += PAGE)
		if (!system_can_read(page))
			return page;
	return to;
}

static bool is_own(struct stack_memory *memory, uintptr_t sp)
{
	uintptr_t page = sp & ~(PAGE - 1);
	if (page >= memory->other_low && page < memory->other_limit)
		return false;
	uintptr_t top = own_top(sp);
	uintptr_t known = top && memory->top == top && memory->low > sp ? memory->low : top;
	uintptr_t hole = top ? find_hole(page, known) : page + PAGE;
	if (!top || hole < known) {
		memory->other_low = page;
		memory->other_limit = hole;
		return false;
	}
	memory->low = page;
	memory->top = top;
	return true;
}

void stack_distrust(struct stack *stack, uintptr_t sp)
{
	*stack = (struct stack){ .low = sp, .limit = (sp & ~(PAGE - 1)) + PAGE };
}

void stack_init(struct stack *stack, struct stack_memory *memory, uintptr_t sp)
{
	if ((sp >= memory->low && sp < memory->top) || is_own(memory, sp))
		*stack = (struct stack){ .low = sp, .limit = memory->top, .is_own = true };
	else
		stack_distrust(stack, sp);
}

bool stack_extend(struct stack *stack, uintptr_t address)
{
	if (stack->is_own || address - stack->limit > MAX_JUMP)
		return false;
	for (; stack->limit <= address; stack->limit += PAGE)
		if (!system_can_read(stack->limit))
			return false;
	return true;
}
