// SPDX-License-Identifier: Apache-2.0
// Tree: the stacks of a view as a call tree in preorder.  OUTSIDE.
#include "flame/tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

// A stack with its frames as their ranks in the order of names.
struct ranked {
	const struct view_stack *stack;
	const uint32_t *ranks; // of the view's frames
};

static int compare_frames(const void *left, const void *right)
{
	const struct view_frame *a = *(const struct view_frame *const *)left, *b = *(const struct view_frame *const *)right;
	int result = strcmp(a->name, b->name);
	if (result == 0)
		result = strcmp(a->file, b->file);
	if (result == 0)
		result = (a->line > b->line) - (a->line < b->line);
	return result ? result : strcmp(a->binary, b->binary);
}

// Sort the frames that stacks have, and return the rank of each frame of the view.
static uint32_t *rank_frames(struct flame_tree *tree, const struct view *view)
{
	uint32_t *ranks = memory_get(view->num_frames, sizeof(*ranks)); // until they are sorted 1: in use
	for (size_t i = 0; i < view->num_stacks; i++)
		for (uint32_t j = 0; j < view->stacks[i].num_frames; j++)
			ranks[view->stacks[i].frames[j]] = 1;
	tree->frames = memory_get(view->num_frames, sizeof(*tree->frames));
	for (uint32_t i = 0; i < view->num_frames; i++)
		if (ranks[i])
			tree->frames[tree->num_frames++] = &view->frames[i];
	if (tree->num_frames)
		qsort(tree->frames, tree->num_frames, sizeof(*tree->frames), compare_frames);
	for (size_t i = 0; i < tree->num_frames; i++)
		ranks[tree->frames[i] - view->frames] = (uint32_t)i;
	return ranks;
}

// The frame at a depth from 1, the root's being the last of a stack.
static uint32_t rank_at(const struct ranked *ranked, uint32_t depth)
{
	return ranked->ranks[ranked->stack->frames[ranked->stack->num_frames - depth]];
}

// How many frames two stacks share from the root on.
static uint32_t count_shared(const struct ranked *a, const struct ranked *b)
{
	uint32_t num_frames = a->stack->num_frames < b->stack->num_frames ? a->stack->num_frames : b->stack->num_frames;
	uint32_t depth = 0;
	while (depth < num_frames && rank_at(a, depth + 1) == rank_at(b, depth + 1))
		depth++;
	return depth;
}

static int compare_stacks(const void *left, const void *right)
{
	const struct ranked *a = left, *b = right;
	uint32_t depth = count_shared(a, b) + 1;
	uint32_t rank_a = depth <= a->stack->num_frames ? rank_at(a, depth) + 1 : 0;
	uint32_t rank_b = depth <= b->stack->num_frames ? rank_at(b, depth) + 1 : 0;
	if (rank_a != rank_b)
		return rank_a < rank_b ? -1 : 1;
	return (a->stack > b->stack) - (a->stack < b->stack); // they differ in labels only
}

static void add_node(struct flame_tree *tree, uint32_t depth, uint32_t frame)
{
	if ((tree->num_nodes & (tree->num_nodes - 1)) == 0) {
		tree->depths = memory_resize(tree->depths, 2 * tree->num_nodes + 1, sizeof(*tree->depths));
		tree->node_frames = memory_resize(tree->node_frames, 2 * tree->num_nodes + 1, sizeof(*tree->node_frames));
	}
	tree->depths[tree->num_nodes] = depth;
	tree->node_frames[tree->num_nodes++] = frame;
}

// Sorted stacks share their beginnings with the one before: what they do not share are new nodes, in preorder.
static void add_stacks(struct flame_tree *tree, const struct ranked *sorted, size_t num_stacks)
{
	tree->stacks = memory_get(num_stacks, sizeof(*tree->stacks));
	tree->stack_nodes = memory_get(num_stacks, sizeof(*tree->stack_nodes));
	add_node(tree, 0, 0);
	for (size_t i = 0; i < num_stacks; i++) {
		uint32_t num_shared = i ? count_shared(&sorted[i - 1], &sorted[i]) : 0;
		for (uint32_t depth = num_shared + 1; depth <= sorted[i].stack->num_frames; depth++)
			add_node(tree, depth, rank_at(&sorted[i], depth));
		tree->stacks[i] = sorted[i].stack;
		tree->stack_nodes[i] = tree->num_nodes - 1; // also where it is equal to the one before
	}
	tree->num_stacks = num_stacks;
}

void flame_tree_init(struct flame_tree *tree, const struct view *view)
{
	*tree = (struct flame_tree){ 0 };
	uint32_t *ranks = rank_frames(tree, view);
	struct ranked *sorted = memory_get(view->num_stacks, sizeof(*sorted));
	for (size_t i = 0; i < view->num_stacks; i++)
		sorted[i] = (struct ranked){ &view->stacks[i], ranks };
	if (view->num_stacks)
		qsort(sorted, view->num_stacks, sizeof(*sorted), compare_stacks);
	add_stacks(tree, sorted, view->num_stacks);
	free(sorted);
	free(ranks);
}

void flame_tree_deinit(struct flame_tree *tree)
{
	free(tree->frames);
	free(tree->depths);
	free(tree->node_frames);
	free(tree->stacks);
	free(tree->stack_nodes);
}
