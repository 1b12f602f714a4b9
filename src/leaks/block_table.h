// SPDX-License-Identifier: Apache-2.0
/*
 * Block table: the blocks of a process by address, and which of them an address lies in.
 *
 * Of each 64 units of memory (16 bytes, or 8 where blocks lie closer) an entry has a bit for each unit in which a block
 * begins, and the number of blocks before.  So the last block that begins at or before an address is found by counting bits, and
 * blocks are put in order without comparing them.
 *
 * OUTSIDE; one thread while it is filled, any number that find.
 */
#ifndef CAIRN_LEAKS_BLOCK_TABLE_H
#define CAIRN_LEAKS_BLOCK_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOCK_NONE UINT32_MAX
#define BLOCK_TABLE_MAX (UINT32_MAX - 1) // blocks
#define BLOCK_TABLE_REGION_SHIFT 32 // of addresses below 2^47

struct block_extent {
	uint64_t start, limit; // start lies in it also if it is empty
};

struct block_entry {
	uint64_t begins;
	uint32_t num_before;
};

struct block_region {
	struct block_entry *entries; // NULL: no block lies there
	uint32_t first, last;        // of which some block lies in; others are not touched and take no memory
};

// Zeroed: empty.
struct block_table {
	struct block_extent *blocks; // by address, once it is complete
	size_t num_blocks;
	unsigned unit_shift;
	struct block_region *regions;   // for each 4 GiB
	uint64_t first, limit;          // addresses that may lie in a block
	bool lacks_space;               // some block could not be announced for want of address space
};

// unit_bytes is 8 or 16: no two blocks begin in the same so many bytes.
void block_table_init(struct block_table *table, unsigned unit_bytes);
void block_table_deinit(struct block_table *table);

// It is filled in three steps, so that nothing is kept twice.  First each block is announced, in any order.  False, and it must
// be left out: one begins there already, or it is no address of a program.
bool block_table_announce(struct block_table *table, uint64_t start, uint64_t limit);
// Then, with the next function called in between, each that was announced is added, in any order.
void block_table_number(struct block_table *table);
void block_table_add(struct block_table *table, uint64_t start, uint64_t limit);
// Then what lies in the next block is cut off.
void block_table_complete(struct block_table *table);

// True if a block that begins there was announced.
bool block_table_begins(const struct block_table *table, uint64_t start);

// About what it takes, or will take when it is numbered: each KiB between the first and the last block of a region, and of blocks.
uint64_t block_table_bytes(const struct block_table *table);

// The number of the first block that ends behind an address, or num_blocks.
size_t block_table_find_next(const struct block_table *table, uint64_t address);

// In three steps, so that many addresses can be looked up at once: is it worth looking up; where to look; which block
// may it be (BLOCK_NONE: none); that it lies in that block is for the caller to ask block_table_has().
static inline const struct block_entry *block_table_entry(const struct block_table *table, uint64_t address)
{
	if (address - table->first >= table->limit - table->first)
		return NULL;
	const struct block_entry *entries = table->regions[address >> BLOCK_TABLE_REGION_SHIFT].entries;
	return entries ? &entries[(uint32_t)address >> (table->unit_shift + 6)] : NULL;
}

static inline uint32_t block_table_candidate(const struct block_entry *entry, uint64_t address, unsigned unit_shift)
{
	uint64_t until = entry->begins & (UINT64_MAX >> (63 - (address >> unit_shift) % 64));
	return entry->num_before + (uint32_t)__builtin_popcountll(until) - 1; // 0 - 1 is BLOCK_NONE
}

static inline bool block_table_has(const struct block_table *table, uint32_t block, uint64_t address)
{
	const struct block_extent *extent = &table->blocks[block];
	return address >= extent->start && (address < extent->limit || address == extent->start);
}

// The block that an address lies in; BLOCK_NONE: none.
uint32_t block_table_find(const struct block_table *table, uint64_t address);

#endif
