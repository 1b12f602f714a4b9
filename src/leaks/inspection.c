// SPDX-License-Identifier: Apache-2.0
// Inspection: which of the live blocks that a ledger knows can its process still reach?  OUTSIDE.
#include "leaks/inspection.h"

#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "base/system.h"
#include "leaks/block_table.h"
#include "leaks/classes.h"
#include "leaks/glibc_heap.h"
#include "leaks/scan.h"
#include "leaks/spans.h"
#include "leaks/stacks.h"
#include "profile/from_ledger.h"
#include "target/memory.h"
#include "target/source.h"

#define NUM_FOUND LEAK_UNKNOWN // kinds that there are after looking

struct site_sums { // fixed point
	uint64_t objects[NUM_FOUND], bytes[NUM_FOUND];
};

// A live block of the ledger's that is counted.
struct known_block {
	uint64_t start; // 0: there is another one
	uint64_t size_bytes;
	uint64_t weight; // fixed point
	uint32_t site;
};

struct inspection_tables {
	uint32_t num_sites;
	struct site_sums *sites;
};

// An inspection under way.
struct work {
	const struct inspection_request *request;
	struct inspection *inspection;
	struct memory memory;
	struct glibc_heap heap;
	struct spans excluded;
	struct block_table table;
	struct scan scan;
	struct known_block *known;
	size_t num_known;
	uint64_t all_starts; // their addresses, or-ed
};

static bool note_known(void *context, const struct target_block *block)
{
	struct work *work = context;
	bool is_counted = block->site < work->inspection->tables->num_sites &&
			  !(work->request->is_without_inherited && block->is_inherited);
	work->known = memory_grow(work->known, work->num_known, sizeof(*work->known));
	work->known[work->num_known++] = (struct known_block){ block->address, block->size_bytes, block->weight,
							       is_counted ? block->site : 0 };
	work->all_starts |= block->address;
	return true;
}

static void announce_known(struct work *work)
{
	block_table_init(&work->table, work->all_starts % 16 == 0 ? 16 : 8);
	for (size_t i = 0; i < work->num_known; i++) {
		struct known_block *known = &work->known[i];
		if (!block_table_announce(&work->table, known->start, known->start + known->size_bytes))
			known->start = 0;
	}
}

// A block that the ledger does not know.
static bool is_other(void *context, uint64_t start)
{
	return !block_table_begins(context, start);
}

static bool is_too_large(const struct work *work, struct error *error)
{
	uint64_t max_bytes = work->request->memory_bytes;
	if (work->table.lacks_space)
		return !error_set(error, "there is no address space for a table of its blocks");
	if (!max_bytes || block_table_bytes(&work->table) <= max_bytes)
		return false;
	return !error_set(error, "its %zu blocks are so many or so large that to look for them takes more memory than allowed",
			  work->table.num_blocks);
}

static bool fill_table(struct work *work, struct error *error)
{
	struct block_table *table = &work->table;
	for (size_t i = 0; i < work->heap.num_chunks; i++) {
		struct heap_chunk *chunk = &work->heap.chunks[i];
		chunk->is_free = chunk->is_free || !block_table_announce(table, chunk->start, chunk->start + chunk->size_bytes);
		work->inspection->num_other_blocks += !chunk->is_free;
	}
	if (is_too_large(work, error))
		return false;
	block_table_number(table);
	for (size_t i = 0; i < work->num_known; i++)
		if (work->known[i].start)
			block_table_add(table, work->known[i].start, work->known[i].start + work->known[i].size_bytes);
	for (size_t i = 0; i < work->heap.num_chunks; i++)
		if (!work->heap.chunks[i].is_free)
			block_table_add(table, work->heap.chunks[i].start, work->heap.chunks[i].start + work->heap.chunks[i].size_bytes);
	block_table_complete(table);
	glibc_heap_forget_chunks(&work->heap);
	return true;
}

// Blocks that have a mapping of their own begin behind a header at its start.
static bool is_elsewhere(const struct work *work, uint64_t address)
{
	const struct span *heap = spans_find(&work->heap.heaps, address);
	return !(heap && heap->start <= address) && address % MEMORY_PAGE_BYTES != 16;
}

static void exclude(struct work *work)
{
	const struct ledger_header *header = target_ledger(work->request->target)->header;
	struct source_mapping ledger;
	for (size_t i = 0; i < work->heap.heaps.num_spans; i++)
		spans_add(&work->excluded, work->heap.heaps.spans[i].start, work->heap.heaps.spans[i].limit);
	for (size_t i = 0; i < work->heap.own.num_spans; i++)
		spans_add(&work->excluded, work->heap.own.spans[i].start, work->heap.own.spans[i].limit);
	spans_add(&work->excluded, header->own_start, header->own_limit);
	if (source_find_mapping(work->request->tid, &ledger)) {
		spans_add(&work->excluded, ledger.start, ledger.start + ledger.size_bytes);
		free(ledger.path);
	}
	stacks_find_dead(&work->memory, work->request->threads, work->request->num_threads, true, &work->excluded);
	spans_sort(&work->excluded);
}

static bool scan(struct work *work, struct error *error)
{
	const struct inspection_request *request = work->request;
	enum scan_result result = scan_init(&work->scan, &work->memory, &work->table, &work->excluded, request->deadline_ns,
					    request->memory_bytes);
	for (size_t i = 0; i < request->num_threads && result == SCAN_DONE; i++)
		scan_roots(&work->scan, request->threads[i].words, request->threads[i].num_words);
	work->inspection->scanned_bytes = work->scan.scanned_bytes;
	if (result == SCAN_TOO_LARGE)
		return error_set(error, "it has %zu blocks, and to tell which point to which takes more memory than allowed",
				 work->table.num_blocks);
	return result == SCAN_DONE || error_set(error, "its memory was not read in time");
}

// All that the process is needed for.
static bool read_all(struct work *work, struct error *error)
{
	const struct inspection_request *request = work->request;
	if (!target_refresh(request->target, error) || !memory_init(&work->memory, request->tid, error))
		return false;
	struct inspection_tables *tables = work->inspection->tables;
	tables->num_sites = read_num(target_ledger(request->target), LEDGER_SITES);
	tables->sites = memory_get(tables->num_sites, sizeof(*tables->sites));
	if (!target_read_blocks(request->target, UINT64_MAX, note_known, work, error))
		return false;
	announce_known(work);
	if (!glibc_heap_init(&work->heap, &work->memory, is_other, &work->table, request->deadline_ns))
		return error_set(error, "its memory was not read in time");
	spans_sort(&work->heap.heaps);
	if (!fill_table(work, error))
		return false;
	exclude(work);
	return scan(work, error);
}

static void add(struct inspection *inspection, const struct known_block *block, enum leak_kind kind)
{
	struct site_sums *sums = &inspection->tables->sites[block->site];
	double weight = (double)block->weight / LEDGER_ONE, size_bytes = (double)block->size_bytes;
	double variance = weight * (weight - 1);
	sums->objects[kind] += block->weight;
	sums->bytes[kind] += block->weight * block->size_bytes;
	inspection->sums[kind].blocks_variance += variance;
	inspection->sums[kind].bytes_variance += variance * size_bytes * size_bytes;
}

static uint64_t whole(uint64_t fixed)
{
	return (fixed + LEDGER_ONE / 2) / LEDGER_ONE;
}

static void count(struct work *work)
{
	struct inspection *inspection = work->inspection;
	unsigned char *kinds = classes_find(&work->scan);
	size_t num_elsewhere = 0;
	for (size_t i = 0; i < work->num_known; i++) {
		uint32_t block = work->known[i].start ? block_table_find(&work->table, work->known[i].start) : BLOCK_NONE;
		if (work->known[i].site && block != BLOCK_NONE)
			add(inspection, &work->known[i], kinds[block]);
		num_elsewhere += is_elsewhere(work, work->known[i].start);
	}
	inspection->has_foreign_allocator = num_elsewhere > work->num_known / 2;
	for (uint32_t i = 0; i < inspection->tables->num_sites; i++) {
		for (int kind = 0; kind < NUM_FOUND; kind++) {
			inspection->sums[kind].blocks += whole(inspection->tables->sites[i].objects[kind]);
			inspection->sums[kind].bytes += whole(inspection->tables->sites[i].bytes[kind]);
		}
	}
	free(kinds);
}

bool inspection_init(struct inspection *inspection, const struct inspection_request *request, struct error *error)
{
	struct work work = { .request = request, .inspection = inspection, .memory = { .pages = -1, .bytes = -1 } };
	int64_t begin_ns = system_clock_ns(CLOCK_MONOTONIC);
	*inspection = (struct inspection){ .tables = memory_get(1, sizeof(*inspection->tables)) };
	bool is_read = read_all(&work, error);
	inspection->read_ns = system_clock_ns(CLOCK_MONOTONIC) - begin_ns;
	if (request->read_done)
		request->read_done(request->context);
	if (is_read)
		count(&work);
	else
		inspection_deinit(inspection);
	free(work.known);
	scan_deinit(&work.scan);
	block_table_deinit(&work.table);
	spans_deinit(&work.excluded);
	glibc_heap_deinit(&work.heap);
	memory_deinit(&work.memory);
	return is_read;
}

void inspection_deinit(struct inspection *inspection)
{
	if (inspection->tables)
		free(inspection->tables->sites);
	free(inspection->tables);
	*inspection = (struct inspection){ 0 };
}

static bool push_kinds(void *context, uint32_t site, struct profile_sample *sample, const struct profile_sink *sink)
{
	const struct inspection_tables *tables = context;
	for (int kind = 0; kind < NUM_FOUND && site < tables->num_sites; kind++) {
		const int64_t values[] = { (int64_t)whole(tables->sites[site].objects[kind]),
					   (int64_t)whole(tables->sites[site].bytes[kind]) };
		const struct profile_label label = { .key = LEAK_LABEL, .string = leak_kind_names[kind], .unit = "" };
		sample->values = values;
		sample->labels = &label;
		sample->num_labels = 1;
		if ((values[0] || values[1]) && !sink->sample(sink->context, sample))
			return false;
	}
	return true;
}

bool inspection_push(const struct inspection *inspection, const struct target *target, const struct profile_sink *sink)
{
	const struct profile_request request = {
		.time_ns = target_time_ns(target),
		.ticks_per_ns = target_ticks_per_ns(target),
		.split = push_kinds,
		.context = inspection->tables,
	};
	return profile_from_ledger(target_ledger(target), &request, sink);
}
