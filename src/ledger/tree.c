// SPDX-License-Identifier: Apache-2.0
// Call tree.  INSIDE.
#include "ledger/tree.h"

#include "ledger/chain.h"

static _Atomic uint32_t *frame_next(const struct ledger *ledger, uint32_t index)
{
	return &ledger->frames[index].next;
}

static struct chain_key frame_key(const struct ledger *ledger, uint32_t index)
{
	return (struct chain_key){ ledger->frames[index].address, ledger->frames[index].mapping };
}

static void fill_frame(struct ledger *ledger, uint32_t index, struct chain_key key)
{
	ledger->frames[index].address = key.first;
	ledger->frames[index].mapping = key.second;
}

static uint32_t hash_frame(struct chain_key key, uint64_t num_buckets)
{
	return ledger_hash(key.first ^ key.second * UINT64_C(0xff51afd7ed558ccd), num_buckets);
}

static const struct chain_kind frame_kind = { LEDGER_FRAMES, LEDGER_FRAME_BUCKETS, frame_next, frame_key, fill_frame, hash_frame };

static _Atomic uint32_t *node_next(const struct ledger *ledger, uint32_t index)
{
	return &ledger->nodes[index].next;
}

static struct chain_key node_key(const struct ledger *ledger, uint32_t index)
{
	return (struct chain_key){ ledger->nodes[index].frame, ledger->nodes[index].parent };
}

static void fill_node(struct ledger *ledger, uint32_t index, struct chain_key key)
{
	ledger->nodes[index].frame = (uint32_t)key.first;
	ledger->nodes[index].parent = key.second;
}

// The children of a node are near its own number, and so near those of its neighbours, which are mostly of the same
// stacks: as much of the table is in use as there are nodes.
static uint32_t hash_node(struct chain_key key, uint64_t num_buckets)
{
	return (uint32_t)((key.second + ledger_hash(key.first, 256)) & (num_buckets - 1));
}

static const struct chain_kind node_kind = { LEDGER_NODES, LEDGER_NODE_BUCKETS, node_next, node_key, fill_node, hash_node };

uint32_t tree_get_frame(struct ledger *ledger, uint32_t mapping, uint64_t address)
{
	return chain_get(ledger, &frame_kind, (struct chain_key){ address, mapping });
}

uint32_t tree_get_node(struct ledger *ledger, uint32_t parent, uint32_t frame)
{
	struct chain_key key = { frame, parent };
	// A stack's nodes were mostly made one after another, and lie in one line of the cache.
	if (parent + 1 < ledger_num_used(ledger, LEDGER_NODES) && chain_has(ledger, &node_kind, parent + 1, key))
		return parent + 1;
	return chain_get(ledger, &node_kind, key);
}

void tree_rebuild(struct ledger *ledger)
{
	chain_rebuild(ledger, &frame_kind, LEDGER_NUM_SPECIAL_FRAMES + 1);
	chain_rebuild(ledger, &node_kind, 2); // the first is that of [ledger full]
}
