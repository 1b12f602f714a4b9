// SPDX-License-Identifier: Apache-2.0
/*
 * Stack memory: which of it may be read.
 *
 * A walk must not touch memory that is not there, whatever the frames claim.  On a thread's own stack
 * everything between the stack pointer and its top is mapped: that is checked once and remembered.
 * On any other stack (coroutines, signal stacks) each page is checked in each walk.  The check is a
 * system call that cannot fault and opens nothing.
 *
 * Other memory that lies below a thread's stack without a gap, as coroutines' stacks may, is taken for a part of it,
 * and a part that is unmapped later is not noticed.  Call-frame information does not lead there, since it knows the
 * frames of the stack that the thread is on; where something else leads the walk, stack_distrust() comes first.
 *
 * INSIDE, any thread, signal handlers too.
 */
#ifndef CAIRN_UNWIND_STACK_H
#define CAIRN_UNWIND_STACK_H

#include <stdbool.h>
#include <stdint.h>

// What a thread knows of its own stack.  Zeroed at the start.
struct stack_memory {
	uintptr_t low; // lowest page seen readable, all up to top being readable
	uintptr_t top; // 0: not known yet
	// Memory up to a hole, last seen: a stack pointer in it is not on the thread's own stack.
	uintptr_t other_low, other_limit;
};

// The readable part of the stack under a walk.
struct stack {
	uintptr_t low;
	uintptr_t limit;
	bool is_own; // limit is the top
};

// Begin a walk at stack pointer sp.
void stack_init(struct stack *stack, struct stack_memory *memory, uintptr_t sp);

// From here on each page is checked, whosever stack it is.
void stack_distrust(struct stack *stack, uintptr_t sp);

// Make sure that address, above the known limit, can be read.  False if it cannot, or is no place on
// this stack.
bool stack_extend(struct stack *stack, uintptr_t address);

// The eight bytes at address.  False if they are not on the stack.  AddressSanitizer would object to reading
// other functions' frames.
__attribute__((no_sanitize("address"))) static inline bool stack_read(struct stack *stack, uintptr_t address, uintptr_t *value)
{
	if (address < stack->low || address & 7)
		return false;
	if (address >= stack->limit && !stack_extend(stack, address))
		return false;
	*value = *(const uintptr_t *)address;
	return true;
}

#endif
