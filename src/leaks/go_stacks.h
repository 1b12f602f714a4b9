// SPDX-License-Identifier: Apache-2.0
/*
 * Go stacks: a thread of a Go program has two, that of the goroutine it runs, and the system's, on which C code runs.
 * How far the one that it is not on is in use is told by Go's runtime.
 *
 * OUTSIDE; one thread.  What the runtime's structures say is only believed where it agrees with itself.
 */
#ifndef CAIRN_LEAKS_GO_STACKS_H
#define CAIRN_LEAKS_GO_STACKS_H

#include <stddef.h>
#include <stdint.h>

#include "leaks/spans.h"
#include "target/memory.h"
#include "target/threads.h"

#define GO_STACKS_MAX 1

// Add the dead part of the goroutine's stack to dead, and return the stack pointers of system stacks that the thread is not on.
size_t go_stacks_find(const struct memory *memory, const struct thread_state *thread, struct spans *dead,
		      uint64_t pointers[GO_STACKS_MAX]);

#endif
