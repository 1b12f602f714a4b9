// SPDX-License-Identifier: Apache-2.0
// Stack as rules see it: frames from the leaf on, inlined calls included.  OUTSIDE.
#include "leaks/rule_stack.h"

#include <stdlib.h>

#include "base/memory.h"
#include "leaks/rule_pattern.h"

enum { NOT_LOOKED_AT, NO_ALLOCATOR, ALLOCATOR };

void rule_stack_init(struct rule_stack *stack, const struct places *places)
{
	*stack = (struct rule_stack){ .places = places, .is_allocator = memory_get(places->num_functions + 1, 1) };
}

void rule_stack_deinit(struct rule_stack *stack)
{
	free(stack->is_allocator);
	free(stack->frames);
}

static void add(struct rule_stack *stack, uint32_t function, uint32_t binary, int64_t line)
{
	if (stack->num_frames == stack->max_frames) {
		stack->max_frames = stack->max_frames ? 2 * stack->max_frames : 64;
		stack->frames = memory_resize(stack->frames, stack->max_frames, sizeof(*stack->frames));
	}
	stack->frames[stack->num_frames++] = (struct rule_frame){ .function = function, .binary = binary, .line = line };
}

static bool is_allocator(struct rule_stack *stack, uint32_t number)
{
	if (!number)
		return false;
	unsigned char *known = &stack->is_allocator[number];
	if (*known == NOT_LOOKED_AT) {
		struct profile_function function = places_get_function(stack->places, number);
		*known = rule_pattern_is_allocator(&function) ? ALLOCATOR : NO_ALLOCATOR;
	}
	return *known == ALLOCATOR;
}

void rule_stack_read(struct rule_stack *stack, const struct store_sample *sample)
{
	stack->num_frames = stack->num_allocators = 0;
	for (uint32_t i = 0; i < sample->num_places; i++) {
		struct profile_location location = places_get(stack->places, sample->places[i]);
		for (size_t j = 0; j < location.num_lines; j++)
			add(stack, location.lines[j].function_id, location.mapping_id, location.lines[j].line);
		if (!location.num_lines)
			add(stack, 0, location.mapping_id, 0);
	}
	while (stack->num_allocators < stack->num_frames &&
	       is_allocator(stack, stack->frames[stack->num_allocators].function))
		stack->num_allocators++;
}
