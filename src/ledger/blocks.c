// SPDX-License-Identifier: Apache-2.0
/*
 * Live blocks: a chained hash table.  INSIDE.
 *
 * A bucket is the index of the first block of its chain, with a lock bit.  Each change is one store
 * that leaves the chain whole, so a program killed at any instant leaves a table that can be read.
 *
 * Unused blocks wait with the writer that freed them, last in, first out.  Where one thread frees what another allocates
 * they pass on in batches: a stack of lists, whose head carries a tag that grows with each change (a head that
 * was taken and put back is then not mistaken for an untouched one).
 */
#include "ledger/blocks.h"

#include "base/system.h"

#define NUM_TRIES 1000000 // the holder may have been put to sleep
#define BATCH 64
#define NUM_FRESH 32

// The first block of the chain, now locked; BLOCK_LOCK if it could not be locked.
static uint32_t lock(struct ledger_writer *writer, _Atomic uint32_t *bucket)
{
	for (int i = 0; i < NUM_TRIES; i++) {
		uint32_t head = atomic_load_explicit(bucket, memory_order_relaxed);
		// Acquire: pairs with the release in unlock().
		if (!(head & BLOCK_LOCK) && atomic_compare_exchange_weak_explicit(bucket, &head, head | BLOCK_LOCK, memory_order_acquire,
									    memory_order_relaxed)) {
			writer->locked = bucket;
			atomic_signal_fence(memory_order_seq_cst);
			return head;
		}
		i % 64 == 63 ? system_yield() : system_relax();
	}
	return BLOCK_LOCK;
}

static void unlock(struct ledger_writer *writer, _Atomic uint32_t *bucket, uint32_t head)
{
	// Not afterwards: then it may be another thread's.
	writer->locked = NULL;
	atomic_signal_fence(memory_order_seq_cst);
	// Pairs with the acquire in lock().
	atomic_store_explicit(bucket, head, memory_order_release);
}

static void push_batch(struct ledger *ledger, uint32_t first)
{
	_Atomic uint64_t *batches = &ledger->header->free_batches;
	uint64_t head = atomic_load_explicit(batches, memory_order_relaxed), next;
	do {
		atomic_store_explicit(&ledger->blocks[first].site, (uint32_t)head, memory_order_relaxed);
		next = ((head >> 32) + 1) << 32 | first;
		// Pairs with the acquire in pop_batch().
	} while (!atomic_compare_exchange_weak_explicit(batches, &head, next, memory_order_release, memory_order_relaxed));
}

// The first block of a batch; 0 if there is none.
static uint32_t pop_batch(struct ledger *ledger)
{
	_Atomic uint64_t *batches = &ledger->header->free_batches;
	uint64_t head = atomic_load_explicit(batches, memory_order_acquire), next;
	do {
		if (!(uint32_t)head)
			return 0;
		// Another thread may have taken it and be writing to it: then the tag has changed.
		next = ((head >> 32) + 1) << 32 |
		       atomic_load_explicit(&ledger->blocks[(uint32_t)head].site, memory_order_relaxed);
		// Acquire: pairs with the release in push_batch().
	} while (!atomic_compare_exchange_weak_explicit(batches, &head, next, memory_order_acquire, memory_order_acquire));
	return (uint32_t)head;
}

static void push(struct ledger *ledger, struct block_list *list, uint32_t index)
{
	atomic_store_explicit(&ledger->blocks[index].next, list->first, memory_order_relaxed);
	*list = (struct block_list){ index, list->num_blocks + 1 };
}

static uint32_t pop(struct ledger *ledger, struct block_list *list)
{
	uint32_t index = list->first;
	*list = (struct block_list){ atomic_load_explicit(&ledger->blocks[index].next, memory_order_relaxed), list->num_blocks - 1 };
	__builtin_prefetch(&ledger->blocks[list->first], 1); // for the next time
	return index;
}

static uint32_t take_fresh(struct ledger_writer *writer)
{
	if (writer->fresh_next == writer->fresh_limit) {
		uint32_t num = NUM_FRESH, first = ledger_add(writer->ledger, LEDGER_BLOCKS, num);
		if (!first)
			first = ledger_add(writer->ledger, LEDGER_BLOCKS, num = 1);
		if (!first)
			return 0;
		writer->fresh_next = first;
		writer->fresh_limit = first + num;
	}
	return writer->fresh_next++;
}

static uint32_t take_unused(struct ledger_writer *writer)
{
	if (!writer->loose.num_blocks && writer->spare.num_blocks) {
		writer->loose = writer->spare;
		writer->spare = (struct block_list){ 0 };
	}
	if (!writer->loose.num_blocks) {
		uint32_t first = pop_batch(writer->ledger);
		writer->loose = (struct block_list){ first, first ? BATCH : 0 };
	}
	return writer->loose.num_blocks ? pop(writer->ledger, &writer->loose) : take_fresh(writer);
}

static void put_unused(struct ledger_writer *writer, uint32_t index)
{
	push(writer->ledger, &writer->loose, index);
	if (writer->loose.num_blocks < BATCH)
		return;
	if (writer->spare.num_blocks)
		push_batch(writer->ledger, writer->spare.first);
	writer->spare = writer->loose;
	writer->loose = (struct block_list){ 0 };
}

// Take the block at address out of a locked chain: its index, or 0.  *head follows.
static uint32_t unlink_block(struct ledger *ledger, uint32_t *head, uint64_t address)
{
	uint32_t previous = 0;
	uint64_t num_left = ledger_num_used(ledger, LEDGER_BLOCKS); // no chain is longer, or it is damaged
	for (uint32_t i = *head; i && num_left; num_left--, previous = i,
		      i = atomic_load_explicit(&ledger->blocks[i].next, memory_order_relaxed)) {
		if (atomic_load_explicit(&ledger->blocks[i].address, memory_order_relaxed) != address)
			continue;
		uint32_t next = atomic_load_explicit(&ledger->blocks[i].next, memory_order_relaxed);
		if (previous)
			atomic_store_explicit(&ledger->blocks[previous].next, next, memory_order_relaxed);
		else
			*head = next;
		return i;
	}
	return 0;
}

static void retire(struct ledger_writer *writer, uint32_t index, struct block *block)
{
	struct ledger_block *entry = &writer->ledger->blocks[index];
	*block = (struct block){ .address = atomic_load_explicit(&entry->address, memory_order_relaxed),
				 .size_bytes = entry->size_bytes,
				 .weight = block_weight(entry->weight),
				 .site = atomic_load_explicit(&entry->site, memory_order_relaxed) };
	atomic_store_explicit(&entry->address, 0, memory_order_relaxed);
	put_unused(writer, index);
}

static void fill(struct ledger *ledger, struct ledger_block *entry, const struct block *block)
{
	int exponent = block_weight_exponent(block->weight);
	entry->size_bytes = block->size_bytes;
	entry->weight = (uint32_t)exponent << LEDGER_MANTISSA_BITS | (uint32_t)(block->weight >> exponent);
	atomic_store_explicit(&entry->site, block->site, memory_order_relaxed);
	entry->is_inherited = 0;
	entry->birth = (uint32_t)((system_ticks() - ledger->header->start_ticks) / LEDGER_BIRTH_TICKS) & 0x7fffffff;
	// Release: a reader that sees the address sees what belongs to it.
	atomic_store_explicit(&entry->address, block->address, memory_order_release);
}

enum block_result block_add(struct ledger_writer *writer, _Atomic uint32_t *bucket, const struct block *block,
			    struct block *replaced)
{
	struct ledger *ledger = writer->ledger;
	uint32_t index = take_unused(writer);
	if (!index)
		return BLOCK_NO_ROOM;
	struct ledger_block *entry = &ledger->blocks[index];
	fill(ledger, entry, block);
	uint32_t head = lock(writer, bucket);
	if (head == BLOCK_LOCK) {
		ledger_count(ledger, LEDGER_COUNTER_contended, 1);
		atomic_store_explicit(&entry->address, 0, memory_order_relaxed);
		put_unused(writer, index);
		return BLOCK_NO_ROOM;
	}
	uint32_t old = head ? unlink_block(ledger, &head, block->address) : 0;
	atomic_store_explicit(&entry->next, head, memory_order_relaxed);
	unlock(writer, bucket, index);
	if (old)
		retire(writer, old, replaced);
	return old ? BLOCK_REPLACED : BLOCK_ADDED;
}

bool block_remove(struct ledger_writer *writer, _Atomic uint32_t *bucket, uint64_t address, struct block *block)
{
	uint32_t head = lock(writer, bucket);
	if (head == BLOCK_LOCK) {
		ledger_count(writer->ledger, LEDGER_COUNTER_contended, 1);
		return false;
	}
	uint32_t index = unlink_block(writer->ledger, &head, address);
	unlock(writer, bucket, head);
	if (index)
		retire(writer, index, block);
	return index != 0;
}

void block_rebuild(struct ledger *ledger)
{
	struct block_list unused = { 0 };
	for (uint32_t i = 1; i < ledger_num_used(ledger, LEDGER_BLOCKS); i++) {
		struct ledger_block *entry = &ledger->blocks[i];
		uint64_t address = atomic_load_explicit(&entry->address, memory_order_relaxed);
		// Of a raw clone()'s parent the copy may be a block ahead of the sites.
		if (!address || entry->site >= ledger_num_used(ledger, LEDGER_SITES)) {
			atomic_store_explicit(&entry->address, 0, memory_order_relaxed);
			push(ledger, &unused, i);
			if (unused.num_blocks == BATCH) { // fewer than that are given up
				push_batch(ledger, unused.first);
				unused = (struct block_list){ 0 };
			}
			continue;
		}
		entry->is_inherited = 1;
		_Atomic uint32_t *bucket = block_bucket(ledger, address);
		atomic_store_explicit(&entry->next, atomic_load_explicit(bucket, memory_order_relaxed), memory_order_relaxed);
		atomic_store_explicit(bucket, i, memory_order_relaxed);
	}
}
