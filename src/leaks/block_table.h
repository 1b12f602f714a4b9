// SPDX-License-Identifier: Apache-2.0
/*
 * Block table: the blocks of a process by address, and which of them an address lies in.
 *
 * OUTSIDE; one thread while it is filled, any number that find.
 */
#ifndef CAIRN_LEAKS_BLOCK_TABLE_H
#define CAIRN_LEAKS_BLOCK_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOCK_NONE UINT32_MAX
#define BLOCK_TABLE_MAX (UINT32_MAX - 1024) // blocks

struct leak_block {
	uint64_t start, limit; // start lies in it also if it is empty
	uint64_t weight;       // fixed point, as in the ledger; 0: the ledger does not know it
	uint32_t site;         // 0: the ledger does not know it, or it is not counted
};

// Zeroed: empty.
struct block_table {
	struct leak_block *blocks; // by address, once it is sorted
	size_t num_blocks;
	uint64_t *starts;      // of the blocks
	uint32_t **directory;  // for each 4 GiB the first block that lies on each page, + 1; 0: none
	uint64_t first, limit; // addresses that may lie in a block
};

void block_table_deinit(struct block_table *table);

// Add one; those that the ledger knows before others, each kind in any order.  Of two with the same start the first
// stays; what lies in the next block is cut off.
void block_table_add(struct block_table *table, const struct leak_block *block);

// To be called after the last was added.
void block_table_sort(struct block_table *table);

// About what it takes.
uint64_t block_table_bytes(const struct block_table *table);

// The number of the first block that ends behind an address, or num_blocks.
size_t block_table_find_next(const struct block_table *table, uint64_t address);

// The block that an address lies in; BLOCK_NONE: none.
uint32_t block_table_find_far(const struct block_table *table, uint64_t address);
static inline uint32_t block_table_find(const struct block_table *table, uint64_t address)
{
	return address - table->first < table->limit - table->first ? block_table_find_far(table, address) : BLOCK_NONE;
}

#endif
