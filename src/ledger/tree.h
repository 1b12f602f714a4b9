// SPDX-License-Identifier: Apache-2.0
/*
 * Call tree: mappings, frames and nodes.  A stack is stored as a path from its root, so callers that
 * many stacks have in common are stored once.
 *
 * INSIDE, any number of threads at once; lock-free.  Indexes are stable and never 0, except where
 * the ledger has no room: then the functions return 0.
 */
#ifndef CAIRN_LEDGER_TREE_H
#define CAIRN_LEDGER_TREE_H

#include "ledger/ledger.h"

// The frame for an address in a mapping (0: none known).
uint32_t tree_get_frame(struct ledger *ledger, uint32_t mapping, uint64_t address);

// The node for frame called from parent (0: frame is the root).
uint32_t tree_get_node(struct ledger *ledger, uint32_t parent, uint32_t frame);

// Put every element of the tree into its bucket again, after a copy.  Not for concurrent use.
void tree_rebuild(struct ledger *ledger);

#endif
