// SPDX-License-Identifier: Apache-2.0
/*
 * Tree: the stacks of a view as a call tree in preorder, which is how the page wants it.
 *
 * OUTSIDE; one thread.
 */
#ifndef CAIRN_FLAME_TREE_H
#define CAIRN_FLAME_TREE_H

#include "report/view.h"

struct flame_tree {
	const struct view_frame **frames; // those in use, in the order of their names
	size_t num_frames;
	// Nodes: 0 is the root, which is no frame; siblings are in the order of their frames.
	uint32_t *depths;
	uint32_t *node_frames; // indices of frames; not set for the root
	size_t num_nodes;
	// Stacks, in the order of their nodes.
	const struct view_stack **stacks;
	size_t *stack_nodes; // where each ends
	size_t num_stacks;
};

// The view must live as long.
void flame_tree_init(struct flame_tree *tree, const struct view *view);
void flame_tree_deinit(struct flame_tree *tree);

#endif
