// SPDX-License-Identifier: Apache-2.0
/*
 * Stacks: which parts of stacks are dead, so that what lies there are no pointers any more: below the stack pointer; all
 * of the stack of a thread that has ended (glibc keeps them for the next one); and, of a Go program with C, below what
 * the runtime keeps of the stack that a thread is not on.
 *
 * Where it is not certain that memory is a dead part of a stack, it counts as the program's.
 *
 * OUTSIDE; one thread.
 */
#ifndef CAIRN_LEAKS_STACKS_H
#define CAIRN_LEAKS_STACKS_H

#include <stddef.h>

#include "leaks/spans.h"
#include "target/memory.h"
#include "target/threads.h"

// Add them to dead.  All threads of the process must be among these if is_whole.
void stacks_find_dead(const struct memory *memory, const struct thread_state *threads, size_t num_threads, bool is_whole,
		      struct spans *dead);

#endif
