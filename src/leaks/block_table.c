// SPDX-License-Identifier: Apache-2.0
// Block table: the blocks of a process by address.  OUTSIDE.
#include "leaks/block_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define PAGE_SHIFT 12
#define DIRECTORY_SHIFT 32 // of addresses below 2^47
#define NUM_DIRECTORY (UINT32_C(1) << 15)
#define PAGES_OF_ENTRY (UINT32_C(1) << (DIRECTORY_SHIFT - PAGE_SHIFT))
#define MAX_ON_PAGE ((size_t)4097) // blocks, and one that begins before it
#define DIGIT_BITS 12
#define NUM_DIGITS (UINT32_C(1) << DIGIT_BITS)

void block_table_deinit(struct block_table *table)
{
	for (uint32_t i = 0; table->directory && i < NUM_DIRECTORY; i++)
		free(table->directory[i]);
	free(table->directory);
	free(table->starts);
	free(table->blocks);
	*table = (struct block_table){ 0 };
}

void block_table_add(struct block_table *table, const struct leak_block *block)
{
	if (table->num_blocks >= BLOCK_TABLE_MAX || block->limit < block->start || block->limit >> DIRECTORY_SHIFT >= NUM_DIRECTORY)
		return;
	table->blocks = memory_grow(table->blocks, table->num_blocks, sizeof(*table->blocks));
	table->blocks[table->num_blocks++] = *block;
}

// One pass of a radix sort, which keeps the order of equal ones.
static void sort_by_digit(const struct leak_block *from, struct leak_block *to, size_t num, unsigned shift)
{
	static const uint64_t mask = NUM_DIGITS - 1;
	size_t *places = memory_get(NUM_DIGITS + 1, sizeof(*places));
	for (size_t i = 0; i < num; i++)
		places[(from[i].start >> shift & mask) + 1]++;
	for (size_t i = 1; i <= NUM_DIGITS; i++)
		places[i] += places[i - 1];
	for (size_t i = 0; i < num; i++)
		to[places[from[i].start >> shift & mask]++] = from[i];
	free(places);
}

// Of equal ones that of the ledger first, as the other kind of sort leaves it.
static int compare(const void *a, const void *b)
{
	const struct leak_block *left = a, *right = b;
	if (left->start != right->start)
		return left->start < right->start ? -1 : 1;
	return (left->weight == 0) - (right->weight == 0);
}

static void sort(struct block_table *table)
{
	if (table->num_blocks < NUM_DIGITS) {
		if (table->num_blocks)
			qsort(table->blocks, table->num_blocks, sizeof(*table->blocks), compare);
		return;
	}
	struct leak_block *other = memory_get(table->num_blocks, sizeof(*other));
	for (unsigned shift = 0; shift < 48; shift += DIGIT_BITS) {
		struct leak_block *from = table->blocks;
		sort_by_digit(from, other, table->num_blocks, shift);
		table->blocks = other;
		other = from;
	}
	free(other);
}

static void remove_overlaps(struct block_table *table)
{
	size_t num = 0;
	for (size_t i = 0; i < table->num_blocks; i++) {
		if (num && table->blocks[num - 1].start == table->blocks[i].start)
			continue;
		if (num && table->blocks[num - 1].limit > table->blocks[i].start)
			table->blocks[num - 1].limit = table->blocks[i].start;
		table->blocks[num++] = table->blocks[i];
	}
	table->num_blocks = num;
}

static void enter(struct block_table *table, size_t number)
{
	const struct leak_block *block = &table->blocks[number];
	uint64_t last = block->limit > block->start ? block->limit - 1 : block->start;
	for (uint64_t page = block->start >> PAGE_SHIFT; page <= last >> PAGE_SHIFT; page++) {
		uint32_t **entry = &table->directory[page / PAGES_OF_ENTRY];
		if (!*entry)
			*entry = memory_get(PAGES_OF_ENTRY, sizeof(**entry)); // what is not touched costs nothing
		if (!(*entry)[page % PAGES_OF_ENTRY])
			(*entry)[page % PAGES_OF_ENTRY] = (uint32_t)number + 1;
	}
}

void block_table_sort(struct block_table *table)
{
	sort(table);
	remove_overlaps(table);
	table->starts = memory_get(table->num_blocks + 1, sizeof(*table->starts));
	table->directory = memory_get(NUM_DIRECTORY, sizeof(*table->directory));
	for (size_t i = 0; i < table->num_blocks; i++) {
		table->starts[i] = table->blocks[i].start;
		enter(table, i);
	}
	table->starts[table->num_blocks] = UINT64_MAX;
	table->first = table->num_blocks ? table->blocks[0].start : 0;
	table->limit = table->num_blocks ? table->blocks[table->num_blocks - 1].limit + 1 : 0;
}

uint64_t block_table_bytes(const struct block_table *table)
{
	return table->num_blocks * (sizeof(*table->blocks) + sizeof(*table->starts));
}

// The last of num_starts numbers in order, the first of which is not above address, that is not above it.
static size_t find_last(const uint64_t *starts, size_t num_starts, uint64_t address)
{
	size_t at = 0;
	while (num_starts > 1) {
		size_t half = num_starts / 2;
		at = starts[at + half] <= address ? at + half : at; // no jump
		num_starts -= half;
	}
	return at;
}

size_t block_table_find_next(const struct block_table *table, uint64_t address)
{
	if (!table->num_blocks || table->starts[0] > address)
		return 0;
	size_t at = find_last(table->starts, table->num_blocks, address);
	return table->blocks[at].limit > address ? at : at + 1;
}

uint32_t block_table_find_far(const struct block_table *table, uint64_t address)
{
	const uint32_t *pages = table->directory[address >> DIRECTORY_SHIFT];
	uint32_t page = (uint32_t)(address >> PAGE_SHIFT) % PAGES_OF_ENTRY;
	if (!pages || !pages[page])
		return BLOCK_NONE;
	uint32_t first = pages[page] - 1;
	if (table->starts[first] > address)
		return BLOCK_NONE;
	// Those on the next page begin there at the latest, and on a page there are 4096 at most.
	uint32_t next = page + 1 < PAGES_OF_ENTRY ? pages[page + 1] : 0;
	size_t num = next ? next - first : table->num_blocks - first;
	uint32_t at = first + (uint32_t)find_last(table->starts + first, num < MAX_ON_PAGE ? num : MAX_ON_PAGE, address);
	return address < table->blocks[at].limit || address == table->starts[at] ? at : BLOCK_NONE;
}
