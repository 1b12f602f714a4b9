// SPDX-License-Identifier: Apache-2.0
/*
 * Blocks: which sampled blocks are live, by address.
 *
 * INSIDE, any number of threads at once, each with a writer of its own.  A chain is changed under the lock bit of its
 * bucket, for the time of a few loads and stores; a thread that cannot have the lock for long gives up.
 */
#ifndef CAIRN_LEDGER_BLOCKS_H
#define CAIRN_LEDGER_BLOCKS_H

#include "ledger/writer.h"

#define BLOCK_LOCK UINT32_C(0x80000000) // in a bucket: a thread is changing the chain

// A live block, out of the table.
struct block {
	uint64_t address;
	uint64_t size_bytes;
	uint64_t weight; // fixed point, its lowest block_weight_exponent() bits 0
	uint32_t site;
};

enum block_result {
	BLOCK_ADDED,
	BLOCK_REPLACED, // another block was still known at this address: it was freed unseen
	BLOCK_NO_ROOM,
};

// How many of a weight's lowest bits a block cannot keep.
static inline int block_weight_exponent(uint64_t weight)
{
	int num_bits = 64 - __builtin_clzll(weight | 1);
	return num_bits > LEDGER_MANTISSA_BITS ? num_bits - LEDGER_MANTISSA_BITS : 0;
}

// Of an element of the table.
static inline uint64_t block_weight(uint32_t packed)
{
	return (uint64_t)(packed & ((1U << LEDGER_MANTISSA_BITS) - 1)) << (packed >> LEDGER_MANTISSA_BITS);
}

// Where to look for the block at an address, and add it.  Blocks that lie near each other have their buckets near each
// other: those of 256 KiB follow each other, one for 32 bytes, from a place on that depends on the 256 KiB.  So the
// table is in the cache where the program's blocks are, and needs an eighth of their pages.
static inline _Atomic uint32_t *block_bucket(const struct ledger *ledger, uint64_t address)
{
	uint64_t num_buckets = ledger->num_block_buckets;
	return &ledger->block_buckets[(ledger_hash(address >> 18, num_buckets) + (address >> 5 & 0x1fff)) & (num_buckets - 1)];
}

// Fetch what block_remove() will need into the cache.
static inline void block_prefetch(const struct ledger *ledger, const _Atomic uint32_t *bucket)
{
	__builtin_prefetch(&ledger->blocks[atomic_load_explicit(bucket, memory_order_relaxed) & ~BLOCK_LOCK], 1);
}

// Remember a block in the bucket of its address.  *replaced receives the one that was still known there.
enum block_result block_add(struct ledger_writer *writer, _Atomic uint32_t *bucket, const struct block *block,
			    struct block *replaced);

// False if no block is known in a bucket, for an address that no other thread may be allocating or freeing.  Takes no
// lock.
static inline bool block_may_be_known(const _Atomic uint32_t *bucket)
{
	// Relaxed: whoever frees a block got it from who allocated it, which orders the two.  A block that is
	// in the chain stays in it until this thread removes it.
	return atomic_load_explicit(bucket, memory_order_relaxed) != 0;
}

// Forget the block at address, which is in this bucket; false if none is known there.
bool block_remove(struct ledger_writer *writer, _Atomic uint32_t *bucket, uint64_t address, struct block *block);

// Put every block into its bucket again, after a copy: they are the parent's.  Not for concurrent use.
void block_rebuild(struct ledger *ledger);

#endif
