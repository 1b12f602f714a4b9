// SPDX-License-Identifier: Apache-2.0
// Scan: all pointers to blocks that lie in the memory of a process.  OUTSIDE.
#include "leaks/scan.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/system.h"

#define BUFFER_BYTES ((size_t)256 << 10) // to be read and looked at while it is in the cache

#define BATCH 1024

// A word that may be a pointer.
struct suspect {
	uint64_t address;
	const struct block_entry *entry;
	uint32_t from; // the block that it lies in; BLOCK_NONE: it is the program's own
	uint32_t block;
};

// A scan under way.  Suspects are collected and looked up together, since each lookup has to wait for memory.
struct walk {
	struct scan *scan;
	const struct memory *memory;
	const struct spans *excluded;
	size_t num_begun;     // blocks whose links have a beginning
	uint64_t max_links;   // 0: any number
	uint64_t *buffer;
	size_t num_suspects;
	struct suspect suspects[BATCH];
};

// Blocks up to this one, but for it, have all their links.
static void begin_block(struct walk *walk, size_t block)
{
	while (walk->num_begun <= block)
		walk->scan->first_link[walk->num_begun++] = walk->scan->num_links;
}

static void enter(struct walk *walk, uint32_t from, uint32_t block)
{
	struct scan *scan = walk->scan;
	if (from == BLOCK_NONE) {
		scan->has_root[block] = true;
		return;
	}
	if (from == block) // a pointer to itself says nothing
		return;
	begin_block(walk, from);
	scan->links = memory_grow(scan->links, scan->num_links, sizeof(*scan->links));
	scan->links[scan->num_links++] = block;
}

static void look_up(struct walk *walk)
{
	const struct block_table *table = walk->scan->table;
	for (size_t i = 0; i < walk->num_suspects; i++) {
		struct suspect *suspect = &walk->suspects[i];
		suspect->block = block_table_candidate(suspect->entry, suspect->address, table->unit_shift);
		if (suspect->block != BLOCK_NONE)
			__builtin_prefetch(&table->blocks[suspect->block]);
	}
	for (size_t i = 0; i < walk->num_suspects; i++) {
		const struct suspect *suspect = &walk->suspects[i];
		if (suspect->block != BLOCK_NONE && block_table_has(table, suspect->block, suspect->address))
			enter(walk, suspect->from, suspect->block);
	}
	walk->num_suspects = 0;
}

static void scan_words(struct walk *walk, uint32_t from, const uint64_t *words, size_t num_words)
{
	for (size_t i = 0; i < num_words; i++) {
		const struct block_entry *entry = block_table_entry(walk->scan->table, words[i]);
		if (!entry)
			continue;
		__builtin_prefetch(entry);
		walk->suspects[walk->num_suspects++] = (struct suspect){ words[i], entry, from, BLOCK_NONE };
		if (walk->num_suspects == BATCH)
			look_up(walk);
	}
}

void scan_roots(struct scan *scan, const uint64_t *words, size_t num_words)
{
	for (size_t i = 0; i < num_words; i++) {
		uint32_t block = block_table_find(scan->table, words[i]);
		if (block != BLOCK_NONE)
			scan->has_root[block] = true;
	}
}

// The program's own, where nothing is excluded.  start is the address of the buffer.
static void scan_own(struct walk *walk, uint64_t start, uint64_t from, uint64_t limit)
{
	while (from < limit) {
		const struct span *span = spans_find(walk->excluded, from);
		uint64_t until = span && span->start < limit ? span->start : limit;
		if (until > from)
			scan_words(walk, BLOCK_NONE, walk->buffer + (from - start) / 8, (until - from) / 8);
		from = span && span->limit < limit ? (span->limit + 7) & ~UINT64_C(7) : limit;
	}
}

// What was read from start on.
static void scan_buffer(struct walk *walk, uint64_t start, uint64_t num_bytes)
{
	const struct block_table *table = walk->scan->table;
	uint64_t at = start, limit = start + num_bytes / 8 * 8;
	for (size_t i = block_table_find_next(table, start); at < limit; i++) {
		bool is_last = i >= table->num_blocks || table->blocks[i].start >= limit;
		uint64_t next = is_last ? limit : table->blocks[i].start > at ? (table->blocks[i].start + 7) & ~UINT64_C(7) : at;
		if (next > at)
			scan_own(walk, start, at, next < limit ? next : limit);
		if (is_last)
			break;
		uint64_t end = table->blocks[i].limit < limit ? table->blocks[i].limit : limit;
		if (end > next)
			scan_words(walk, (uint32_t)i, walk->buffer + (next - start) / 8, (end - next) / 8);
		at = end > next ? (end + 7) & ~UINT64_C(7) : next;
	}
	walk->scan->scanned_bytes += num_bytes;
}

static bool begins_with(const char *path, const char *beginning)
{
	return strncmp(path, beginning, strlen(beginning)) == 0;
}

// Memory, not devices and not files that others write.
static bool is_scanned(const struct memory_range *range)
{
	if (!range->is_readable || (begins_with(range->path, "/dev/") && !begins_with(range->path, "/dev/zero") &&
				    !begins_with(range->path, "/dev/shm/")))
		return false;
	return !range->is_shared || (range->is_writable && (begins_with(range->path, "/dev/") || begins_with(range->path, "/memfd:") ||
							    begins_with(range->path, "/SYSV")));
}

static enum scan_result scan_range(struct walk *walk, const struct memory_range *range, int64_t deadline_ns)
{
	uint64_t start = range->start, limit;
	while (memory_find_written(walk->memory, &start, range->limit, BUFFER_BYTES, &limit)) {
		size_t num_read = memory_read(walk->memory, start, walk->buffer, limit - start);
		scan_buffer(walk, start, num_read);
		if (deadline_ns && system_clock_ns(CLOCK_MONOTONIC) > deadline_ns)
			return SCAN_LATE;
		if (walk->max_links && walk->scan->num_links > walk->max_links)
			return SCAN_TOO_LARGE;
		start = limit;
	}
	return SCAN_DONE;
}

// Spans that all is excluded in, such as the ledger, need not be read.
static bool is_excluded(const struct spans *excluded, const struct memory_range *range)
{
	const struct span *span = spans_find(excluded, range->start);
	return span && span->start <= range->start && span->limit >= range->limit;
}

static bool has_blocks(const struct block_table *table, const struct memory_range *range)
{
	size_t next = block_table_find_next(table, range->start);
	return next < table->num_blocks && table->blocks[next].start < range->limit;
}

enum scan_result scan_init(struct scan *scan, const struct memory *memory, const struct block_table *table,
			   const struct spans *excluded, int64_t deadline_ns, uint64_t max_bytes)
{
	enum scan_result result = SCAN_DONE;
	uint64_t other_bytes = block_table_bytes(table) + table->num_blocks * (sizeof(*scan->has_root) + sizeof(*scan->first_link));
	*scan = (struct scan){ .table = table };
	if (max_bytes && other_bytes >= max_bytes)
		return SCAN_TOO_LARGE;
	struct walk *walk = memory_get(1, sizeof(*walk));
	walk->scan = scan;
	walk->memory = memory;
	walk->excluded = excluded;
	walk->max_links = max_bytes ? (max_bytes - other_bytes) / sizeof(*scan->links) / 2 : 0;
	scan->has_root = memory_get(table->num_blocks, sizeof(*scan->has_root));
	scan->first_link = memory_get(table->num_blocks + 1, sizeof(*scan->first_link));
	walk->buffer = memory_get(BUFFER_BYTES + MEMORY_PAGE_BYTES, 1);
	for (size_t i = 0; i < memory->num_ranges && result == SCAN_DONE; i++) {
		const struct memory_range *range = &memory->ranges[i];
		if (is_scanned(range) && (!is_excluded(excluded, range) || has_blocks(table, range)))
			result = scan_range(walk, range, deadline_ns);
	}
	look_up(walk);
	begin_block(walk, table->num_blocks);
	free(walk->buffer);
	free(walk);
	return result;
}

void scan_deinit(struct scan *scan)
{
	free(scan->has_root);
	free(scan->first_link);
	free(scan->links);
	*scan = (struct scan){ 0 };
}
