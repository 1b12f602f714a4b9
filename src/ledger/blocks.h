// SPDX-License-Identifier: Apache-2.0
/*
 * Blocks: which sampled blocks are live, by address.
 *
 * INSIDE, any number of threads at once.  A chain is changed under the lock bit of its bucket, for
 * the time of a few loads and stores; a thread that cannot have the lock for long gives up.
 */
#ifndef CAIRN_LEDGER_BLOCKS_H
#define CAIRN_LEDGER_BLOCKS_H

#include "ledger/ledger.h"

// A live block, out of the table.
struct block {
	uint64_t address;
	uint64_t size_bytes;
	uint64_t weight; // fixed point
	uint32_t site;
};

enum block_result {
	BLOCK_ADDED,
	BLOCK_REPLACED, // another block was still known at this address: it was freed unseen
	BLOCK_NO_ROOM,
};

// Remember a block.  *replaced receives the one that was still known at its address.
enum block_result block_add(struct ledger *ledger, const struct block *block, struct block *replaced);

// False if no block is known at address, which no other thread may be allocating or freeing.  Takes no lock.
bool block_may_be_known(struct ledger *ledger, uint64_t address);

// Forget the block at address; false if none is known there.
bool block_remove(struct ledger *ledger, uint64_t address, struct block *block);

// Put every block into its bucket again, after a copy: they are the parent's.  Not for concurrent use.
void block_rebuild(struct ledger *ledger);

#endif
