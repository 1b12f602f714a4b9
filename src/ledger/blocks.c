// SPDX-License-Identifier: Apache-2.0
/*
 * Live blocks: a chained hash table.  INSIDE.
 *
 * A bucket is the index of the first block of its chain, with a lock bit.  Each change is one store
 * that leaves the chain whole, so a program killed at any instant leaves a table that can be read.
 * Unused blocks wait in one of several free lists, stacks whose heads carry a tag that grows with each
 * change (a head that was taken and put back is then not mistaken for an untouched one).
 */
#include "ledger/blocks.h"

#include "base/system.h"

#define LOCK UINT32_C(0x80000000)
#define NUM_TRIES 1000000 // the holder may have been put to sleep

static uint32_t hash_of(struct ledger *ledger, uint64_t address)
{
	return ledger_hash(address >> 4, ledger->header->regions[LEDGER_BLOCK_BUCKETS].capacity);
}

// The first block of the chain, now locked; LOCK if it could not be locked.
static uint32_t lock(_Atomic uint32_t *bucket)
{
	for (int i = 0; i < NUM_TRIES; i++) {
		uint32_t head = atomic_load_explicit(bucket, memory_order_relaxed);
		// Acquire: pairs with the release in unlock().
		if (!(head & LOCK) && atomic_compare_exchange_weak_explicit(bucket, &head, head | LOCK, memory_order_acquire,
									    memory_order_relaxed))
			return head;
		i % 64 == 63 ? system_yield() : system_relax();
	}
	return LOCK;
}

static void unlock(_Atomic uint32_t *bucket, uint32_t head)
{
	// Pairs with the acquire in lock().
	atomic_store_explicit(bucket, head, memory_order_release);
}

static struct ledger_free_list *free_list(struct ledger *ledger, uint32_t hash)
{
	return &ledger->header->free_blocks[hash % LEDGER_NUM_FREE_LISTS];
}

static uint32_t take_unused(struct ledger *ledger, uint32_t hash)
{
	_Atomic uint64_t *list = &free_list(ledger, hash)->head;
	uint64_t head = atomic_load_explicit(list, memory_order_acquire);
	while ((uint32_t)head) {
		uint32_t index = (uint32_t)head;
		uint64_t next = atomic_load_explicit(&ledger->blocks[index].next, memory_order_relaxed);
		uint64_t tag = (head >> 32) + 1;
		// Acquire: pairs with the release in put_unused(), whose next was read above.
		if (atomic_compare_exchange_weak_explicit(list, &head, tag << 32 | next, memory_order_acquire,
							  memory_order_acquire))
			return index;
	}
	return ledger_add(ledger, LEDGER_BLOCKS, 1);
}

static void put_unused(struct ledger *ledger, uint32_t hash, uint32_t index)
{
	_Atomic uint64_t *list = &free_list(ledger, hash)->head;
	uint64_t head = atomic_load_explicit(list, memory_order_relaxed), next;
	do {
		atomic_store_explicit(&ledger->blocks[index].next, (uint32_t)head, memory_order_relaxed);
		next = ((head >> 32) + 1) << 32 | index;
		// Pairs with the acquire in take_unused().
	} while (!atomic_compare_exchange_weak_explicit(list, &head, next, memory_order_release, memory_order_relaxed));
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

static void retire(struct ledger *ledger, uint32_t hash, uint32_t index, struct block *block)
{
	struct ledger_block *entry = &ledger->blocks[index];
	*block = (struct block){ .address = atomic_load_explicit(&entry->address, memory_order_relaxed),
				 .size_bytes = entry->size_bytes,
				 .weight = entry->weight,
				 .site = entry->site };
	atomic_store_explicit(&entry->address, 0, memory_order_relaxed);
	put_unused(ledger, hash, index);
}

enum block_result block_add(struct ledger *ledger, const struct block *block, struct block *replaced)
{
	uint32_t hash = hash_of(ledger, block->address);
	uint32_t index = take_unused(ledger, hash);
	if (!index)
		return BLOCK_NO_ROOM;
	struct ledger_block *entry = &ledger->blocks[index];
	entry->size_bytes = block->size_bytes;
	entry->weight = block->weight;
	entry->site = block->site;
	entry->is_inherited = 0;
	entry->birth = (uint32_t)((system_ticks() - ledger->header->start_ticks) / LEDGER_BIRTH_TICKS);
	// Release: a reader that sees the address sees what belongs to it.
	atomic_store_explicit(&entry->address, block->address, memory_order_release);
	uint32_t head = lock(&ledger->block_buckets[hash]);
	if (head == LOCK) {
		ledger_count(ledger, LEDGER_COUNTER_contended, 1);
		atomic_store_explicit(&entry->address, 0, memory_order_relaxed);
		put_unused(ledger, hash, index);
		return BLOCK_NO_ROOM;
	}
	uint32_t old = unlink_block(ledger, &head, block->address);
	atomic_store_explicit(&entry->next, head, memory_order_relaxed);
	unlock(&ledger->block_buckets[hash], index);
	if (old)
		retire(ledger, hash, old, replaced);
	return old ? BLOCK_REPLACED : BLOCK_ADDED;
}

bool block_may_be_known(struct ledger *ledger, uint64_t address)
{
	// Relaxed: whoever frees a block got it from who allocated it, which orders the two.  A block that is
	// in the chain stays in it until this thread removes it.
	return atomic_load_explicit(&ledger->block_buckets[hash_of(ledger, address)], memory_order_relaxed) != 0;
}

bool block_remove(struct ledger *ledger, uint64_t address, struct block *block)
{
	uint32_t hash = hash_of(ledger, address);
	uint32_t head = lock(&ledger->block_buckets[hash]);
	if (head == LOCK) {
		ledger_count(ledger, LEDGER_COUNTER_contended, 1);
		return false;
	}
	uint32_t index = unlink_block(ledger, &head, address);
	unlock(&ledger->block_buckets[hash], head);
	if (index)
		retire(ledger, hash, index, block);
	return index != 0;
}

void block_rebuild(struct ledger *ledger)
{
	for (uint32_t i = 1; i < ledger_num_used(ledger, LEDGER_BLOCKS); i++) {
		struct ledger_block *entry = &ledger->blocks[i];
		uint64_t address = atomic_load_explicit(&entry->address, memory_order_relaxed);
		uint32_t hash = hash_of(ledger, address);
		// Of a raw clone()'s parent the copy may be a block ahead of the sites.
		if (!address || entry->site >= ledger_num_used(ledger, LEDGER_SITES)) {
			atomic_store_explicit(&entry->address, 0, memory_order_relaxed);
			put_unused(ledger, i, i);
			continue;
		}
		entry->is_inherited = 1;
		_Atomic uint32_t *bucket = &ledger->block_buckets[hash];
		atomic_store_explicit(&entry->next, atomic_load_explicit(bucket, memory_order_relaxed), memory_order_relaxed);
		atomic_store_explicit(bucket, i, memory_order_relaxed);
	}
}
