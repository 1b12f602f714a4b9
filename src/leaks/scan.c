// SPDX-License-Identifier: Apache-2.0
// Scan: all pointers to blocks that lie in the memory of a process.  OUTSIDE.
#include "leaks/scan.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/system.h"
#include "base/text.h"

#define BUFFER_BYTES ((size_t)256 << 10) // to be read and looked at while it is in the cache

#define MAX_FORBIDDEN_BYTES (UINT64_C(1) << 30)
#define BATCH 1024
#define MAX_PARTS 64
#define MIN_PART_BYTES (UINT64_C(16) << 20)
#define MAX_WORKERS 8

// A word that may be a pointer.
struct suspect {
	uint64_t address;
	const struct block_entry *entry;
	uint32_t from; // the block that it lies in; BLOCK_NONE: it is the program's own
	uint32_t block;
};

// A part of the memory, with whole blocks.
struct part {
	uint64_t start, limit;
	size_t first_block, limit_block;
	size_t num_begun; // blocks up to here have a beginning of their links, counted in this part
	uint32_t *links;
	uint64_t num_links, scanned_bytes;
};

// What is done, by several workers.
struct job {
	struct scan *scan;
	const struct memory *memory;
	const struct spans *excluded;
	int64_t deadline_ns; // 0: none
	uint64_t max_links;  // 0: any number
	struct part parts[MAX_PARTS];
	size_t num_parts;
	_Atomic size_t next_part;
	_Atomic uint64_t num_links; // of parts under way, too
	_Atomic int result;         // enum scan_result
};

// One worker.  Suspects are collected and looked up together, since each lookup has to wait for memory.
struct walk {
	struct job *job;
	struct part *part;
	uint64_t *buffer;
	size_t num_suspects;
	struct suspect suspects[BATCH];
};

// Blocks up to this one, but for it, have all their links.
static void begin_block(struct job *job, struct part *part, size_t block)
{
	while (part->num_begun <= block)
		job->scan->first_link[part->num_begun++] = part->num_links;
}

static void enter(struct walk *walk, uint32_t from, uint32_t block)
{
	struct part *part = walk->part;
	if (from == BLOCK_NONE) {
		// Relaxed: each worker only ever sets it, and they are waited for.
		atomic_store_explicit(&walk->job->scan->has_root[block], true, memory_order_relaxed);
		return;
	}
	if (from == block) // a pointer to itself says nothing
		return;
	begin_block(walk->job, part, from);
	part->links = memory_grow(part->links, part->num_links, sizeof(*part->links));
	part->links[part->num_links++] = block;
}

static void look_up(struct walk *walk)
{
	const struct block_table *table = walk->job->scan->table;
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
		const struct block_entry *entry = block_table_entry(walk->job->scan->table, words[i]);
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
			atomic_store_explicit(&scan->has_root[block], true, memory_order_relaxed);
	}
}

// The program's own, where nothing is excluded.  start is the address of the buffer.
static void scan_own(struct walk *walk, uint64_t start, uint64_t from, uint64_t limit)
{
	while (from < limit) {
		const struct span *span = spans_find(walk->job->excluded, from);
		uint64_t until = span && span->start < limit ? span->start : limit;
		if (until > from)
			scan_words(walk, BLOCK_NONE, walk->buffer + (from - start) / 8, (until - from) / 8);
		from = span && span->limit < limit ? (span->limit + 7) & ~UINT64_C(7) : limit;
	}
}

// What was read from start on.
static void scan_buffer(struct walk *walk, uint64_t start, uint64_t num_bytes)
{
	const struct block_table *table = walk->job->scan->table;
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
	walk->part->scanned_bytes += num_bytes;
}

// Memory that may be shared: also what it was made writable for once, and files that nobody else can open any more.
static bool is_memory(const struct memory_range *range)
{
	return text_begins_with(range->path, "/dev/zero") || text_begins_with(range->path, "/dev/shm/") || text_begins_with(range->path, "/memfd:") ||
	       text_begins_with(range->path, "/SYSV") || text_begins_with(range->path, "/anon_hugepage") ||
	       (text_ends_with(range->path, " (deleted)") && !text_begins_with(range->path, "/dev/"));
}

// Memory, not devices and not files that others write.  A program may forbid itself to read what it has written; large parts
// of the address space that nobody may touch are there to be used later, and it takes long to find nothing there.
static bool is_scanned(const struct memory_range *range)
{
	if (!range->is_readable && (range->is_shared || range->limit - range->start > MAX_FORBIDDEN_BYTES))
		return false;
	return range->is_shared ? is_memory(range) : is_memory(range) || !text_begins_with(range->path, "/dev/");
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

static bool is_wanted(const struct job *job, const struct memory_range *range)
{
	return is_scanned(range) && (!is_excluded(job->excluded, range) || has_blocks(job->scan->table, range));
}

static bool goes_on(struct walk *walk, uint64_t num_links_before)
{
	struct job *job = walk->job;
	uint64_t num_new = walk->part->num_links - num_links_before;
	uint64_t num_links = atomic_fetch_add_explicit(&job->num_links, num_new, memory_order_relaxed) + num_new;
	if (job->deadline_ns && system_clock_ns(CLOCK_MONOTONIC) > job->deadline_ns)
		atomic_store_explicit(&job->result, SCAN_LATE, memory_order_relaxed);
	else if (job->max_links && num_links > job->max_links)
		atomic_store_explicit(&job->result, SCAN_TOO_LARGE, memory_order_relaxed);
	return atomic_load_explicit(&job->result, memory_order_relaxed) == SCAN_DONE;
}

static bool scan_range(struct walk *walk, uint64_t start, uint64_t range_limit)
{
	uint64_t limit;
	while (start < range_limit && memory_find_written(walk->job->memory, &start, range_limit, BUFFER_BYTES, &limit)) {
		uint64_t num_before = walk->part->num_links;
		scan_buffer(walk, start, memory_read(walk->job->memory, start, walk->buffer, limit - start));
		if (!goes_on(walk, num_before))
			return false;
		start = limit;
	}
	return true;
}

static void scan_part(struct walk *walk, struct part *part)
{
	const struct memory *memory = walk->job->memory;
	bool is_going = true;
	walk->part = part;
	for (size_t i = 0; i < memory->num_ranges && is_going; i++) {
		const struct memory_range *range = &memory->ranges[i];
		uint64_t start = range->start > part->start ? range->start : part->start;
		uint64_t limit = range->limit < part->limit ? range->limit : part->limit;
		if (start < limit && is_wanted(walk->job, range))
			is_going = scan_range(walk, start, limit);
	}
	look_up(walk);
	if (part->limit_block > part->first_block)
		begin_block(walk->job, part, part->limit_block - 1);
}

static void *work(void *context)
{
	struct job *job = context;
	struct walk *walk = memory_get(1, sizeof(*walk));
	size_t i;
	walk->job = job;
	walk->buffer = memory_get(BUFFER_BYTES + MEMORY_PAGE_BYTES, 1);
	while ((i = atomic_fetch_add_explicit(&job->next_part, 1, memory_order_relaxed)) < job->num_parts)
		scan_part(walk, &job->parts[i]);
	free(walk->buffer);
	free(walk);
	return NULL;
}

// The end of the part that begins at start, if it is to have so many bytes: not within a block.
static uint64_t find_cut(const struct job *job, uint64_t start, uint64_t part_bytes)
{
	const struct block_table *table = job->scan->table;
	for (size_t i = 0; i < job->memory->num_ranges; i++) {
		const struct memory_range *range = &job->memory->ranges[i];
		uint64_t from = range->start > start ? range->start : start;
		if (from >= range->limit || !is_wanted(job, range))
			continue;
		if (range->limit - from < part_bytes) {
			part_bytes -= range->limit - from;
			continue;
		}
		size_t block = block_table_find_next(table, from + part_bytes);
		bool is_inside = block < table->num_blocks && table->blocks[block].start < from + part_bytes;
		return (is_inside ? table->blocks[block].limit + 7 : from + part_bytes) & ~UINT64_C(7);
	}
	return UINT64_MAX;
}

static void divide(struct job *job)
{
	uint64_t total_bytes = 0, start = 0;
	for (size_t i = 0; i < job->memory->num_ranges; i++)
		if (is_wanted(job, &job->memory->ranges[i]))
			total_bytes += job->memory->ranges[i].limit - job->memory->ranges[i].start;
	uint64_t part_bytes = total_bytes / (MAX_PARTS - 1) + 1;
	part_bytes = part_bytes > MIN_PART_BYTES ? part_bytes : MIN_PART_BYTES;
	while (start != UINT64_MAX) {
		struct part *part = &job->parts[job->num_parts++];
		uint64_t limit = job->num_parts < MAX_PARTS ? find_cut(job, start, part_bytes) : UINT64_MAX;
		*part = (struct part){ .start = start, .limit = limit,
				       .first_block = block_table_find_next(job->scan->table, start),
				       .limit_block = block_table_find_next(job->scan->table, limit) };
		part->num_begun = part->first_block;
		start = limit;
	}
}

static size_t num_workers(const struct job *job)
{
	long num_processors = sysconf(_SC_NPROCESSORS_ONLN);
	size_t num = num_processors < 1 ? 1 : num_processors > MAX_WORKERS ? MAX_WORKERS : (size_t)num_processors;
	return num < job->num_parts ? num : job->num_parts;
}

static void run(struct job *job)
{
	pthread_t threads[MAX_WORKERS];
	size_t num = num_workers(job), num_started = 0;
	while (num_started + 1 < num && pthread_create(&threads[num_started], NULL, work, job) == 0)
		num_started++;
	work(job);
	for (size_t i = 0; i < num_started; i++)
		pthread_join(threads[i], NULL);
}

// The links of all parts, one after another.
static void join(struct job *job)
{
	struct scan *scan = job->scan;
	for (size_t i = 0; i < job->num_parts; i++)
		scan->num_links += job->parts[i].num_links;
	scan->links = memory_get(scan->num_links, sizeof(*scan->links));
	uint64_t num_links = 0;
	for (size_t i = 0; i < job->num_parts; i++) {
		struct part *part = &job->parts[i];
		for (size_t j = part->first_block; j < part->limit_block; j++)
			scan->first_link[j] += num_links;
		if (part->num_links)
			memcpy(scan->links + num_links, part->links, part->num_links * sizeof(*part->links));
		num_links += part->num_links;
		scan->scanned_bytes += part->scanned_bytes;
		free(part->links);
	}
	scan->first_link[scan->table->num_blocks] = num_links;
}

enum scan_result scan_init(struct scan *scan, const struct memory *memory, const struct block_table *table,
			   const struct spans *excluded, int64_t deadline_ns, uint64_t max_bytes)
{
	uint64_t other_bytes = block_table_bytes(table) + table->num_blocks * (sizeof(*scan->has_root) + sizeof(*scan->first_link));
	*scan = (struct scan){ .table = table };
	if (max_bytes && other_bytes >= max_bytes)
		return SCAN_TOO_LARGE;
	struct job *job = memory_get(1, sizeof(*job));
	job->scan = scan;
	job->memory = memory;
	job->excluded = excluded;
	job->deadline_ns = deadline_ns;
	job->max_links = max_bytes ? (max_bytes - other_bytes) / sizeof(*scan->links) / 2 : 0;
	scan->has_root = memory_get(table->num_blocks, sizeof(*scan->has_root));
	scan->first_link = memory_get(table->num_blocks + 1, sizeof(*scan->first_link));
	divide(job);
	run(job);
	join(job);
	enum scan_result result = (enum scan_result)job->result;
	free(job);
	return result;
}

void scan_deinit(struct scan *scan)
{
	free(scan->has_root);
	free(scan->first_link);
	free(scan->links);
	*scan = (struct scan){ 0 };
}
