// SPDX-License-Identifier: Apache-2.0
// Scan: all pointers to blocks that lie in the memory of a process.  OUTSIDE.
#include "leaks/scan.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/system.h"

#define BUFFER_BYTES ((size_t)256 << 10) // to be read and looked at while it is in the cache

// A scan under way.
struct walk {
	struct scan *scan;
	const struct memory *memory;
	const struct spans *excluded;
	size_t num_begun;     // blocks whose pointers have a beginning
	uint64_t max_links;   // 0: any number
	uint64_t *buffer;
};

void scan_roots(struct scan *scan, const uint64_t *words, size_t num_words)
{
	for (size_t i = 0; i < num_words; i++) {
		uint32_t block = block_table_find(scan->table, words[i]);
		if (block != BLOCK_NONE)
			scan->has_root[block] = true;
	}
}

// Blocks up to this one, but for it, have all their pointers.
static void begin_block(struct walk *walk, size_t block)
{
	while (walk->num_begun <= block)
		walk->scan->first_link[walk->num_begun++] = walk->scan->num_links;
}

static void scan_block(struct walk *walk, uint32_t block, const uint64_t *words, size_t num_words)
{
	struct scan *scan = walk->scan;
	uint32_t last = block; // a pointer to itself says nothing
	begin_block(walk, block);
	for (size_t i = 0; i < num_words; i++) {
		uint32_t found = block_table_find(scan->table, words[i]);
		if (found == BLOCK_NONE || found == last || found == block)
			continue;
		scan->links = memory_grow(scan->links, scan->num_links, sizeof(*scan->links));
		scan->links[scan->num_links++] = last = found;
	}
}

// The program's own, where nothing is excluded.  start is the address of the buffer.
static void scan_own(struct walk *walk, uint64_t start, uint64_t from, uint64_t limit)
{
	while (from < limit) {
		const struct span *span = spans_find(walk->excluded, from);
		uint64_t until = span && span->start < limit ? span->start : limit;
		if (until > from)
			scan_roots(walk->scan, walk->buffer + (from - start) / 8, (until - from) / 8);
		from = span && until != limit ? (span->limit + 7) & ~UINT64_C(7) : limit;
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
			scan_block(walk, (uint32_t)i, walk->buffer + (next - start) / 8, (end - next) / 8);
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
	struct walk walk = { .scan = scan, .memory = memory, .excluded = excluded,
			     .max_links = max_bytes ? (max_bytes - other_bytes) / sizeof(*scan->links) / 2 : 0 };
	scan->has_root = memory_get(table->num_blocks, sizeof(*scan->has_root));
	scan->first_link = memory_get(table->num_blocks + 1, sizeof(*scan->first_link));
	walk.buffer = memory_get(BUFFER_BYTES + MEMORY_PAGE_BYTES, 1);
	for (size_t i = 0; i < memory->num_ranges && result == SCAN_DONE; i++) {
		const struct memory_range *range = &memory->ranges[i];
		if (is_scanned(range) && (!is_excluded(excluded, range) || has_blocks(table, range)))
			result = scan_range(&walk, range, deadline_ns);
	}
	begin_block(&walk, table->num_blocks);
	free(walk.buffer);
	return result;
}

void scan_deinit(struct scan *scan)
{
	free(scan->has_root);
	free(scan->first_link);
	free(scan->links);
	*scan = (struct scan){ 0 };
}
