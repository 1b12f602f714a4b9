// SPDX-License-Identifier: Apache-2.0
/*
 * Call tree.  INSIDE.
 *
 * Both tables are chained hash tables to which elements are only ever added, at the head of a chain
 * and by compare-and-swap.  The release of that swap pairs with the acquire load of the head (and,
 * further down the chain, with that of next, which was a head when it was read).  Two threads may
 * add the same element at once: the one that comes second sees the other's when it looks again, and
 * gives its own up.
 */
#include "ledger/tree.h"

static _Atomic uint32_t *frame_bucket(struct ledger *ledger, uint32_t mapping, uint64_t address)
{
	uint64_t num_buckets = ledger->header->regions[LEDGER_FRAME_BUCKETS].capacity;
	return &ledger->frame_buckets[ledger_hash(address ^ (uint64_t)mapping << 48, num_buckets)];
}

static _Atomic uint32_t *node_bucket(struct ledger *ledger, uint32_t parent, uint32_t frame)
{
	uint64_t num_buckets = ledger->header->regions[LEDGER_NODE_BUCKETS].capacity;
	return &ledger->node_buckets[ledger_hash((uint64_t)parent << 32 | frame, num_buckets)];
}

static uint32_t find_frame(struct ledger *ledger, uint32_t from, uint32_t to, uint32_t mapping, uint64_t address)
{
	for (uint32_t i = from; i != to; i = atomic_load_explicit(&ledger->frames[i].next, memory_order_acquire))
		if (ledger->frames[i].address == address && ledger->frames[i].mapping == mapping)
			return i;
	return 0;
}

static uint32_t find_node(struct ledger *ledger, uint32_t from, uint32_t to, uint32_t parent, uint32_t frame)
{
	for (uint32_t i = from; i != to; i = atomic_load_explicit(&ledger->nodes[i].next, memory_order_acquire))
		if (ledger->nodes[i].frame == frame && ledger->nodes[i].parent == parent)
			return i;
	return 0;
}

uint32_t tree_get_frame(struct ledger *ledger, uint32_t mapping, uint64_t address)
{
	_Atomic uint32_t *bucket = frame_bucket(ledger, mapping, address);
	uint32_t head = atomic_load_explicit(bucket, memory_order_acquire);
	uint32_t found = find_frame(ledger, head, 0, mapping, address);
	if (found)
		return found;
	uint32_t added = ledger_add(ledger, LEDGER_FRAMES, 1);
	if (!added)
		return 0;
	ledger->frames[added].address = address;
	ledger->frames[added].mapping = mapping;
	for (;;) {
		uint32_t searched = head;
		atomic_store_explicit(&ledger->frames[added].next, head, memory_order_relaxed);
		if (atomic_compare_exchange_strong_explicit(bucket, &head, added, memory_order_release,
							    memory_order_acquire))
			return added;
		found = find_frame(ledger, head, searched, mapping, address);
		if (found)
			return found; // the frame added remains unused, which does no harm
	}
}

uint32_t tree_get_node(struct ledger *ledger, uint32_t parent, uint32_t frame)
{
	_Atomic uint32_t *bucket = node_bucket(ledger, parent, frame);
	uint32_t head = atomic_load_explicit(bucket, memory_order_acquire);
	uint32_t found = find_node(ledger, head, 0, parent, frame);
	if (found)
		return found;
	uint32_t added = ledger_add(ledger, LEDGER_NODES, 1);
	if (!added)
		return 0;
	ledger->nodes[added].parent = parent;
	ledger->nodes[added].frame = frame;
	for (;;) {
		uint32_t searched = head;
		atomic_store_explicit(&ledger->nodes[added].next, head, memory_order_relaxed);
		if (atomic_compare_exchange_strong_explicit(bucket, &head, added, memory_order_release,
							    memory_order_acquire))
			return added;
		found = find_node(ledger, head, searched, parent, frame);
		if (found) {
			ledger->nodes[added].frame = 0;
			return found;
		}
	}
}

static void link_in(_Atomic uint32_t *bucket, _Atomic uint32_t *next, uint32_t index)
{
	atomic_store_explicit(next, atomic_load_explicit(bucket, memory_order_relaxed), memory_order_relaxed);
	atomic_store_explicit(bucket, index, memory_order_relaxed);
}

void tree_rebuild(struct ledger *ledger)
{
	for (uint32_t i = LEDGER_NUM_SPECIAL_FRAMES + 1; i < ledger_num_used(ledger, LEDGER_FRAMES); i++) {
		struct ledger_frame *frame = &ledger->frames[i];
		link_in(frame_bucket(ledger, frame->mapping, frame->address), &frame->next, i);
	}
	for (uint32_t i = 2; i < ledger_num_used(ledger, LEDGER_NODES); i++) {
		struct ledger_node *node = &ledger->nodes[i];
		if (node->frame)
			link_in(node_bucket(ledger, node->parent, node->frame), &node->next, i);
	}
}
