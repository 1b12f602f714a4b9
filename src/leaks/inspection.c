// SPDX-License-Identifier: Apache-2.0
// Inspection: which of the live blocks that a ledger knows can its process still reach?  OUTSIDE.
#include "leaks/inspection.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/system.h"
#include "base/text.h"
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

struct sums { // fixed point
	uint64_t objects, bytes;
};

struct head_key {
	uint32_t site, head; // sites
	uint32_t is_inherited;
};

// What is lost of one site with blocks of another.
struct indirect {
	UT_hash_handle hh;
	struct head_key key;
	struct sums sums;
	struct indirect *next; // of the same site
};

struct site_sums {
	struct sums kinds[NUM_FOUND];
	struct sums inherited; // definite ones
	struct indirect *indirect; // these together are the indirect ones
};

// A live block of the ledger's that is counted.
struct known_block {
	uint64_t start; // 0: there is another one
	uint64_t size_bytes;
	uint64_t weight; // fixed point
	uint32_t site;
	bool is_inherited; // and does not count as this process's
};

struct inspection_tables {
	uint32_t num_sites;
	struct site_sums *sites;
	struct indirect *indirect; // by key
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
	bool is_counted = block->site < work->inspection->tables->num_sites;
	work->known = memory_grow(work->known, work->num_known, sizeof(*work->known));
	work->known[work->num_known++] = (struct known_block){ block->address, block->size_bytes, block->weight,
							       is_counted ? block->site : 0,
							       work->request->is_without_inherited && block->is_inherited };
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

static bool is_libc(const struct memory *memory, uint64_t address)
{
	const struct memory_range *range = memory_find(memory, address);
	const char *name = range ? text_base_name(range->path) : "";
	return strncmp(name, "libc.so", 7) == 0 || strncmp(name, "ld-linux", 8) == 0;
}

// In a system call that libc makes, vector registers hold nothing of the program's, since functions do not keep them (System V
// ABI, 3.2.1), but may hold what libc or cairn has left there.
static void scan_registers(struct work *work, const struct thread_state *thread)
{
	bool is_called = thread->is_in_system_call && is_libc(&work->memory, thread->pc);
	scan_roots(&work->scan, thread->words, is_called ? thread->num_general : thread->num_words);
}

static bool scan(struct work *work, struct error *error)
{
	const struct inspection_request *request = work->request;
	enum scan_result result = scan_init(&work->scan, &work->memory, &work->table, &work->excluded, request->deadline_ns,
					    request->memory_bytes);
	for (size_t i = 0; i < request->num_threads && result == SCAN_DONE; i++)
		scan_registers(work, &request->threads[i]);
	work->inspection->scanned_bytes = work->scan.scanned_bytes;
	if (result == SCAN_TOO_LARGE)
		return error_set(error, "it has %zu blocks, and to tell which point to which takes more memory than allowed",
				 work->table.num_blocks);
	return result == SCAN_DONE || error_set(error, "its memory could not be read in the time allowed");
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
		return error_set(error, "its memory could not be read in the time allowed");
	spans_sort(&work->heap.heaps);
	if (!fill_table(work, error))
		return false;
	exclude(work);
	return scan(work, error);
}

static void add_to(struct sums *sums, const struct known_block *block)
{
	sums->objects += block->weight;
	sums->bytes += block->weight * block->size_bytes;
}

static void add(struct inspection *inspection, const struct known_block *block, enum leak_kind kind)
{
	double weight = (double)block->weight / LEDGER_ONE, size_bytes = (double)block->size_bytes;
	double variance = weight * (weight - 1);
	add_to(&inspection->tables->sites[block->site].kinds[kind], block);
	inspection->sums[kind].blocks_variance += variance;
	inspection->sums[kind].bytes_variance += variance * size_bytes * size_bytes;
}

static void add_indirect(struct inspection_tables *tables, const struct known_block *block, uint32_t head)
{
	const struct head_key key = { block->site, head, block->is_inherited };
	struct indirect *found;
	HASH_FIND(hh, tables->indirect, &key, sizeof(key), found);
	if (!found) {
		found = memory_get(1, sizeof(*found));
		found->key = key;
		found->next = tables->sites[block->site].indirect;
		tables->sites[block->site].indirect = found;
		HASH_ADD(hh, tables->indirect, key, sizeof(key), found);
	}
	add_to(&found->sums, block);
}

static uint64_t whole(uint64_t fixed)
{
	return (fixed + LEDGER_ONE / 2) / LEDGER_ONE;
}

// The site of each block; 0: the ledger does not know it, or it is not counted.
static uint32_t *find_sites(const struct work *work)
{
	uint32_t *sites = memory_get(work->table.num_blocks, sizeof(*sites));
	for (size_t i = 0; i < work->num_known; i++)
		if (work->known[i].start)
			sites[block_table_find(&work->table, work->known[i].start)] = work->known[i].site;
	return sites;
}

static void add_all(struct work *work, const unsigned char *kinds)
{
	bool has_indirect = memchr(kinds, LEAK_INDIRECT, work->table.num_blocks) != NULL;
	uint32_t *sites = has_indirect ? find_sites(work) : NULL;
	uint32_t *heads = has_indirect ? classes_find_heads(&work->scan, kinds) : NULL;
	for (size_t i = 0; i < work->num_known; i++) {
		const struct known_block *known = &work->known[i];
		uint32_t block = known->start && known->site ? block_table_find(&work->table, known->start) : BLOCK_NONE;
		if (block == BLOCK_NONE)
			continue;
		if (!known->is_inherited)
			add(work->inspection, known, kinds[block]);
		else if (kinds[block] == LEAK_DEFINITE)
			add_to(&work->inspection->tables->sites[known->site].inherited, known);
		if (kinds[block] == LEAK_INDIRECT)
			add_indirect(work->inspection->tables, known, sites[heads[block]]);
	}
	free(sites);
	free(heads);
}

static void count(struct work *work)
{
	struct inspection *inspection = work->inspection;
	unsigned char *kinds = classes_find(&work->scan);
	size_t num_elsewhere = 0;
	add_all(work, kinds);
	for (size_t i = 0; i < work->num_known; i++)
		num_elsewhere += is_elsewhere(work, work->known[i].start);
	inspection->has_foreign_allocator = num_elsewhere > work->num_known / 2;
	for (uint32_t i = 0; i < inspection->tables->num_sites; i++) {
		for (int kind = 0; kind < NUM_FOUND; kind++) {
			inspection->sums[kind].blocks += whole(inspection->tables->sites[i].kinds[kind].objects);
			inspection->sums[kind].bytes += whole(inspection->tables->sites[i].kinds[kind].bytes);
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
	struct indirect *indirect, *next;
	if (!inspection->tables)
		return;
	HASH_ITER(hh, inspection->tables->indirect, indirect, next) {
		HASH_DEL(inspection->tables->indirect, indirect);
		free(indirect);
	}
	free(inspection->tables->sites);
	free(inspection->tables);
	*inspection = (struct inspection){ 0 };
}

struct push {
	const struct inspection_tables *tables;
	uint32_t process;
};

// head is a site; 0: not known.
static bool push_sums(const struct push *push, enum leak_kind kind, uint32_t head, bool is_inherited, const struct sums *sums,
		      struct profile_sample *sample, const struct profile_sink *sink)
{
	const int64_t values[] = { (int64_t)whole(sums->objects), (int64_t)whole(sums->bytes) };
	struct profile_label labels[3] = { { .key = LEAK_LABEL, .string = leak_kind_names[kind], .unit = "" } };
	sample->values = values;
	sample->labels = labels;
	sample->num_labels = 1;
	if (head)
		labels[sample->num_labels++] = (struct profile_label){
			.key = LEAK_HEAD_LABEL, .number = (int64_t)((uint64_t)push->process << 32 | head), .unit = "" };
	if (is_inherited)
		labels[sample->num_labels++] = (struct profile_label){ .key = LEAK_INHERITED_LABEL, .number = 1, .unit = "" };
	return (!values[0] && !values[1]) || sink->sample(sink->context, sample);
}

static bool push_kinds(void *context, uint32_t site, struct profile_sample *sample, const struct profile_sink *sink)
{
	const struct push *push = context;
	if (site >= push->tables->num_sites)
		return true;
	const struct site_sums *sums = &push->tables->sites[site];
	bool is_pushed = push_sums(push, LEAK_DEFINITE, site, false, &sums->kinds[LEAK_DEFINITE], sample, sink) &&
			 push_sums(push, LEAK_DEFINITE, site, true, &sums->inherited, sample, sink) &&
			 push_sums(push, LEAK_REACHABLE, 0, false, &sums->kinds[LEAK_REACHABLE], sample, sink);
	for (const struct indirect *indirect = sums->indirect; indirect && is_pushed; indirect = indirect->next)
		is_pushed = push_sums(push, LEAK_INDIRECT, indirect->key.head, indirect->key.is_inherited, &indirect->sums, sample, sink);
	return is_pushed;
}

bool inspection_push(const struct inspection *inspection, const struct target *target, uint32_t process,
		     const struct profile_sink *sink)
{
	struct push push = { inspection->tables, process };
	const struct profile_request request = {
		.time_ns = target_time_ns(target),
		.ticks_per_ns = target_ticks_per_ns(target),
		.split = push_kinds,
		.context = &push,
	};
	return profile_from_ledger(target_ledger(target), &request, sink);
}
