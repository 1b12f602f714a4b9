// SPDX-License-Identifier: Apache-2.0
/*
 * Stack as rules see it: frames from the leaf on, inlined calls included.
 *
 * OUTSIDE; one thread.
 */
#ifndef CAIRN_LEAKS_RULE_STACK_H
#define CAIRN_LEAKS_RULE_STACK_H

#include <stddef.h>
#include <stdint.h>

#include "profile/store.h"

struct rule_frame {
	uint32_t function, binary; // numbers of the store's places; 0: not known
	int64_t line;              // 0: not known
};

struct rule_stack {
	const struct places *places;
	unsigned char *is_allocator; // by number of function: 0: not looked at yet, 1: no, 2: yes
	struct rule_frame *frames;
	size_t num_frames, max_frames;
	size_t num_allocators; // frames at the leaf that are of functions that allocate: operator new
};

void rule_stack_init(struct rule_stack *stack, const struct places *places);
void rule_stack_deinit(struct rule_stack *stack);

// Hold the stack of a sample; what it held before is gone.
void rule_stack_read(struct rule_stack *stack, const struct store_sample *sample);

#endif
