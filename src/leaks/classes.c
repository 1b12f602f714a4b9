// SPDX-License-Identifier: Apache-2.0
// Classes: which kind each block is of, told from who points to it.  OUTSIDE.
#include "leaks/classes.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

// Blocks whose links are to be followed.
struct stack {
	uint32_t *blocks; // each is in it once at most
	size_t num_blocks;
};

static void reach(unsigned char *kinds, struct stack *stack, uint32_t block)
{
	if (kinds[block] == LEAK_REACHABLE)
		return;
	kinds[block] = LEAK_REACHABLE;
	stack->blocks[stack->num_blocks++] = block;
}

static void find_reachable(const struct scan *scan, unsigned char *kinds)
{
	size_t num_blocks = scan->table->num_blocks;
	struct stack stack = { .blocks = memory_get(num_blocks, sizeof(*stack.blocks)) };
	for (uint32_t i = 0; i < num_blocks; i++)
		if (scan->has_root[i])
			reach(kinds, &stack, i);
	while (stack.num_blocks) {
		uint32_t block = stack.blocks[--stack.num_blocks];
		for (uint64_t i = scan->first_link[block]; i < scan->first_link[block + 1]; i++)
			reach(kinds, &stack, scan->links[i]);
	}
	free(stack.blocks);
}

// What a block points to that is lost is lost with it.
static void note_links(const struct scan *scan, unsigned char *kinds, size_t block)
{
	for (uint64_t i = scan->first_link[block]; i < scan->first_link[block + 1]; i++)
		if (kinds[scan->links[i]] != LEAK_REACHABLE)
			kinds[scan->links[i]] = LEAK_INDIRECT;
}

unsigned char *classes_find(const struct scan *scan)
{
	size_t num_blocks = scan->table->num_blocks;
	unsigned char *kinds = memory_get(num_blocks, sizeof(*kinds));
	memset(kinds, LEAK_DEFINITE, num_blocks);
	find_reachable(scan, kinds);
	for (size_t i = 0; i < num_blocks; i++)
		if (kinds[i] != LEAK_REACHABLE)
			note_links(scan, kinds, i);
	return kinds;
}

// Give head to all that it leads to and that has none yet.
static void lead(const struct scan *scan, const unsigned char *kinds, uint32_t *heads, struct stack *stack, uint32_t head)
{
	heads[head] = head;
	stack->blocks[stack->num_blocks++] = head;
	while (stack->num_blocks) {
		uint32_t block = stack->blocks[--stack->num_blocks];
		for (uint64_t i = scan->first_link[block]; i < scan->first_link[block + 1]; i++) {
			uint32_t next = scan->links[i];
			if (kinds[next] != LEAK_INDIRECT || heads[next] != BLOCK_NONE)
				continue;
			heads[next] = head;
			stack->blocks[stack->num_blocks++] = next;
		}
	}
}

uint32_t *classes_find_heads(const struct scan *scan, const unsigned char *kinds)
{
	uint32_t num_blocks = (uint32_t)scan->table->num_blocks;
	uint32_t *heads = memory_get(num_blocks, sizeof(*heads));
	struct stack stack = { .blocks = memory_get(num_blocks, sizeof(*stack.blocks)) };
	memset(heads, 0xff, num_blocks * sizeof(*heads)); // BLOCK_NONE
	for (uint32_t i = 0; i < num_blocks; i++)
		if (kinds[i] == LEAK_DEFINITE)
			lead(scan, kinds, heads, &stack, i);
	for (uint32_t i = 0; i < num_blocks; i++)
		if (kinds[i] == LEAK_INDIRECT && heads[i] == BLOCK_NONE)
			lead(scan, kinds, heads, &stack, i);
	free(stack.blocks);
	return heads;
}
