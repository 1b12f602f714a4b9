// SPDX-License-Identifier: Apache-2.0
// Block table: the blocks of a process by address.  OUTSIDE.
#include "leaks/block_table.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/memory.h"

#define NUM_REGIONS (UINT32_C(1) << 15)

static size_t region_bytes(const struct block_table *table)
{
	return sizeof(struct block_entry) << (BLOCK_TABLE_REGION_SHIFT - table->unit_shift - 6);
}

void block_table_init(struct block_table *table, unsigned unit_bytes)
{
	*table = (struct block_table){ .unit_shift = unit_bytes == 16 ? 4 : 3, .first = UINT64_MAX };
	table->regions = memory_get(NUM_REGIONS, sizeof(*table->regions));
}

void block_table_deinit(struct block_table *table)
{
	for (uint32_t i = 0; table->regions && i < NUM_REGIONS; i++)
		if (table->regions[i].entries)
			munmap(table->regions[i].entries, region_bytes(table));
	free(table->regions);
	free(table->blocks);
	*table = (struct block_table){ 0 };
}

static bool map_region(const struct block_table *table, struct block_region *region)
{
	void *entries = mmap(NULL, region_bytes(table), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (entries == MAP_FAILED)
		return false;
	*region = (struct block_region){ entries, UINT32_MAX, 0 };
	return true;
}

static uint32_t entry_number(const struct block_table *table, uint64_t address)
{
	return (uint32_t)address >> (table->unit_shift + 6);
}

// Make room for a block, in each region that it lies in.
static bool open_regions(struct block_table *table, uint64_t start, uint64_t limit)
{
	uint64_t last = limit > start ? limit - 1 : start;
	for (uint64_t i = start >> BLOCK_TABLE_REGION_SHIFT; i <= last >> BLOCK_TABLE_REGION_SHIFT; i++) {
		struct block_region *region = &table->regions[i];
		uint32_t from = i == start >> BLOCK_TABLE_REGION_SHIFT ? entry_number(table, start) : 0;
		uint32_t to = entry_number(table, i == last >> BLOCK_TABLE_REGION_SHIFT ? last : UINT32_MAX);
		if (!region->entries && !map_region(table, region))
			return false;
		region->first = from < region->first ? from : region->first;
		region->last = to > region->last ? to : region->last;
	}
	return true;
}

static struct block_entry *find_entry(const struct block_table *table, uint64_t start)
{
	struct block_entry *entries = table->regions[start >> BLOCK_TABLE_REGION_SHIFT].entries;
	return entries ? &entries[entry_number(table, start)] : NULL;
}

static uint64_t bit_of(const struct block_table *table, uint64_t start)
{
	return UINT64_C(1) << (start >> table->unit_shift) % 64;
}

bool block_table_begins(const struct block_table *table, uint64_t start)
{
	const struct block_entry *entry = start >> BLOCK_TABLE_REGION_SHIFT < NUM_REGIONS ? find_entry(table, start) : NULL;
	return entry && (entry->begins & bit_of(table, start));
}

bool block_table_announce(struct block_table *table, uint64_t start, uint64_t limit)
{
	if (table->num_blocks >= BLOCK_TABLE_MAX || limit < start || limit >> BLOCK_TABLE_REGION_SHIFT >= NUM_REGIONS ||
	    block_table_begins(table, start))
		return false;
	if (!open_regions(table, start, limit)) {
		table->lacks_space = true;
		return false;
	}
	find_entry(table, start)->begins |= bit_of(table, start);
	table->num_blocks++;
	table->first = start < table->first ? start : table->first;
	table->limit = limit + 1 > table->limit ? limit + 1 : table->limit;
	return true;
}

void block_table_number(struct block_table *table)
{
	uint32_t num = 0;
	if (!table->num_blocks)
		table->first = table->limit = 0;
	for (uint32_t i = 0; i < NUM_REGIONS; i++) {
		const struct block_region *region = &table->regions[i];
		for (size_t j = region->first; region->entries && j <= region->last; j++) {
			region->entries[j].num_before = num;
			num += (uint32_t)__builtin_popcountll(region->entries[j].begins);
		}
	}
	table->blocks = memory_get(table->num_blocks, sizeof(*table->blocks));
}

void block_table_add(struct block_table *table, uint64_t start, uint64_t limit)
{
	uint32_t block = block_table_candidate(find_entry(table, start), start, table->unit_shift);
	if (!table->blocks[block].start) // else it is another one in the same unit, which was announced first
		table->blocks[block] = (struct block_extent){ start, limit };
}

void block_table_complete(struct block_table *table)
{
	for (size_t i = 1; i < table->num_blocks; i++)
		if (table->blocks[i - 1].limit > table->blocks[i].start)
			table->blocks[i - 1].limit = table->blocks[i].start;
}

uint64_t block_table_bytes(const struct block_table *table)
{
	uint64_t num_entries = 0;
	for (uint32_t i = 0; i < NUM_REGIONS; i++)
		if (table->regions[i].entries)
			num_entries += (uint64_t)table->regions[i].last - table->regions[i].first + 1;
	return table->num_blocks * sizeof(*table->blocks) + num_entries * sizeof(struct block_entry);
}

size_t block_table_find_next(const struct block_table *table, uint64_t address)
{
	size_t low = 0, high = table->num_blocks;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (table->blocks[middle].limit <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint32_t block_table_find(const struct block_table *table, uint64_t address)
{
	const struct block_entry *entry = block_table_entry(table, address);
	uint32_t block = entry ? block_table_candidate(entry, address, table->unit_shift) : BLOCK_NONE;
	return block != BLOCK_NONE && block_table_has(table, block, address) ? block : BLOCK_NONE;
}
