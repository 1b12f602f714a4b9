// SPDX-License-Identifier: Apache-2.0
/*
 * Target: a ledger to be read, as a private copy.  OUTSIDE.
 *
 * The order of copying makes the copy agree with itself although the program goes on (ledger/layout.h tells what
 * holds at each instant).  Sites are counted first, and some at a time are copied twice: what was freed is taken from
 * the first copy and what was allocated from the second, so that no freeing is seen without its allocation.  What sites refer to
 * is counted and copied after them.  The totals and the number of the peak come last.
 */
#include "target/target.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/system.h"
#include "base/text.h"
#include "target/owner.h"
#include "target/process.h"
#include "target/source.h"

#define PAGE_BYTES UINT64_C(4096)
#define BLOCKS_AT_ONCE 4096
#define SITES_AT_ONCE 256

// A copy; address space for all of the ledger, of which the parts in use are accessible.
struct image {
	char *memory; // NULL: none
	uint64_t size_bytes;
	struct ledger ledger;
	int64_t time_ns;
	uint64_t ticks;
};

struct target {
	struct source source;
	struct image images[2]; // the current one, and one for the next copy
	int current;
	bool is_running; // at the moment of the copy
	char program[256];
};

static uint64_t round_up_to_page(uint64_t number)
{
	return (number + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
}

static bool is_file_size_enough(const struct source *source, struct error *error)
{
	return source->size_bytes >= sizeof(struct ledger_header) ||
	       error_set(error, "has %" PRIu64 " bytes, fewer than a ledger's header (%zu)", source->size_bytes,
			 sizeof(struct ledger_header));
}

static bool image_init(struct image *image, uint64_t size_bytes, struct error *error)
{
	if (image->memory && image->size_bytes == size_bytes)
		return true;
	if (image->memory)
		munmap(image->memory, image->size_bytes);
	image->memory = mmap(NULL, size_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	image->size_bytes = size_bytes;
	if (image->memory != MAP_FAILED)
		return true;
	image->memory = NULL;
	return error_set(error, "total_bytes: no address space for %" PRIu64 " bytes", size_bytes);
}

// Copy a part into its place.
static bool copy_part(const struct target *target, struct image *image, uint64_t offset, uint64_t size_bytes, struct error *error)
{
	uint64_t start = offset & ~(PAGE_BYTES - 1), limit = round_up_to_page(offset + size_bytes);
	limit = limit < image->size_bytes ? limit : round_up_to_page(image->size_bytes);
	if (size_bytes == 0)
		return true;
	if (mprotect(image->memory + start, limit - start, PROT_READ | PROT_WRITE) != 0)
		return error_set(error, "no memory for %" PRIu64 " bytes of it", size_bytes);
	return source_read(&target->source, offset, image->memory + offset, size_bytes, error);
}

static bool copy_region(const struct target *target, struct image *image, enum ledger_region_number number, uint32_t num,
			struct error *error)
{
	const struct ledger_region *region = &image->ledger.header->regions[number];
	return copy_part(target, image, region->offset, num * region->element_bytes, error);
}

// All tables together cannot hold more than the limit of memory: what says so would make us copy without bound.
static bool are_counts_possible(const struct ledger *ledger, struct error *error)
{
	const struct ledger_header *header = ledger->header;
	uint64_t used_bytes = 0;
	if (header->limit_bytes > LEDGER_MAX_LIMIT_BYTES)
		return error_set(error, "limit_bytes: %" PRIu64 ", and at most %" PRIu64 " are allowed", header->limit_bytes,
				 LEDGER_MAX_LIMIT_BYTES);
	for (int i = 0; i < LEDGER_FRAME_BUCKETS; i++)
		if (i != LEDGER_SITE_ERRORS && i != LEDGER_SITE_EPOCHS && header->regions[i].num_used > 1)
			used_bytes += header->regions[i].num_used * header->regions[i].element_bytes;
	return used_bytes <= header->limit_bytes ||
	       error_set(error, "num_used: %" PRIu64 " bytes in use, more than limit_bytes (%" PRIu64 ")", used_bytes,
			 header->limit_bytes);
}

static bool is_alike(const struct ledger_header *a, const struct ledger_header *b)
{
	for (int i = 0; i < LEDGER_NUM_REGIONS; i++)
		if (a->regions[i].offset != b->regions[i].offset || a->regions[i].capacity != b->regions[i].capacity)
			return false;
	return a->total_bytes == b->total_bytes;
}

static bool copy_header(const struct target *target, struct image *image, const struct ledger_header *first, struct error *error)
{
	if (!copy_part(target, image, 0, sizeof(struct ledger_header), error))
		return false;
	const char *wrong = ledger_open(&image->ledger, image->memory, image->size_bytes);
	if (wrong)
		return error_set(error, "%s", wrong);
	if (!is_alike(image->ledger.header, first))
		return error_set(error, "regions: change while they are read");
	return are_counts_possible(&image->ledger, error);
}

// The first look, which tells how large the rest is, and where.
static bool read_first_header(const struct target *target, struct ledger_header *header, struct error *error)
{
	memset(header, 0, sizeof(*header));
	if (!is_file_size_enough(&target->source, error) || !source_read(&target->source, 0, header, sizeof(*header), error))
		return false;
	const char *wrong = ledger_open(&(struct ledger){ 0 }, header, target->source.size_bytes);
	return !wrong || error_set(error, "%s", wrong);
}

// Twice: what was freed stays as the first copy has it.  What the program frees in between looks live, so in between
// there must be microseconds.
static bool copy_some_sites(const struct target *target, struct image *image, uint32_t start, uint32_t num, struct error *error)
{
	struct ledger_site *sites = image->ledger.sites + start;
	uint64_t offset = image->ledger.header->regions[LEDGER_SITES].offset + start * sizeof(*sites);
	struct freed {
		uint64_t objects, bytes;
	} freed[SITES_AT_ONCE];
	if (!source_read(&target->source, offset, sites, num * sizeof(*sites), error))
		return false;
	for (uint32_t i = 0; i < num; i++)
		freed[i] = (struct freed){ sites[i].freed_objects, sites[i].freed_bytes };
	if (!source_read(&target->source, offset, sites, num * sizeof(*sites), error))
		return false;
	for (uint32_t i = 0; i < num; i++) {
		if (sites[i].freed_objects == freed[i].objects && sites[i].freed_bytes == freed[i].bytes)
			continue; // a hole, of which nothing is to become memory
		sites[i].freed_objects = freed[i].objects;
		sites[i].freed_bytes = freed[i].bytes;
	}
	return true;
}

static bool copy_sites(const struct target *target, struct image *image, uint32_t num_sites, struct error *error)
{
	for (uint32_t i = 0; i < num_sites; i += SITES_AT_ONCE) {
		uint32_t num = num_sites - i < SITES_AT_ONCE ? num_sites - i : SITES_AT_ONCE;
		if (!copy_some_sites(target, image, i, num, error))
			return false;
	}
	return true;
}

// Tables that were never written are not read: in a process that would give them memory.
static bool copy_parallel(const struct target *target, struct image *image, uint32_t num_sites, struct error *error)
{
	const struct ledger_header *header = image->ledger.header;
	bool has_epoch = header->is_forked || header->epoch_time_ns != header->start_time_ns;
	return copy_region(target, image, LEDGER_SITE_ERRORS, header->is_estimate ? num_sites : 0, error) &&
	       copy_region(target, image, LEDGER_SITE_EPOCHS, has_epoch ? num_sites : 0, error);
}

// Parts that are not copied read as zeros.
static bool open_sites(struct image *image, uint32_t num_sites, struct error *error)
{
	const struct ledger_header *header = image->ledger.header;
	static const enum ledger_region_number parallel[] = { LEDGER_SITES, LEDGER_SITE_ERRORS, LEDGER_SITE_EPOCHS };
	for (int i = 0; i < 3; i++) {
		const struct ledger_region *region = &header->regions[parallel[i]];
		if (mprotect(image->memory + region->offset, round_up_to_page(num_sites * region->element_bytes),
			     PROT_READ | PROT_WRITE) != 0)
			return error_set(error, "no memory for %" PRIu32 " sites", num_sites);
	}
	return true;
}

static bool copy_all(struct target *target, struct image *image, struct error *error)
{
	static const enum ledger_region_number referred[] = { LEDGER_NODES, LEDGER_FRAMES, LEDGER_MAPPINGS, LEDGER_STRINGS };
	struct ledger_header first;
	if (!read_first_header(target, &first, error) || !image_init(image, first.total_bytes, error) ||
	    !copy_header(target, image, &first, error))
		return false;
	struct ledger_header *header = image->ledger.header;
	uint32_t num_sites = read_num(&image->ledger, LEDGER_SITES), num[4];
	if (!open_sites(image, num_sites, error) || !copy_sites(target, image, num_sites, error) ||
	    !copy_header(target, image, &first, error) || !copy_parallel(target, image, num_sites, error))
		return false;
	for (int i = 0; i < 4; i++) {
		num[i] = read_num(&image->ledger, referred[i]);
		if (!copy_region(target, image, referred[i], num[i], error))
			return false;
	}
	if (!copy_header(target, image, &first, error))
		return false;
	header->regions[LEDGER_SITES].num_used = num_sites;
	for (int i = 0; i < 4; i++)
		header->regions[referred[i]].num_used = num[i];
	return true;
}

static const char *name_of(const struct target *target, char *storage, size_t size_bytes)
{
	if (target->source.path)
		return target->source.path;
	snprintf(storage, size_bytes, "%d", (int)target->source.pid);
	return storage;
}

static const struct image *current(const struct target *target)
{
	return &target->images[target->current];
}

static bool has_process(const struct target *target)
{
	return source_has_process(&target->source, current(target)->ledger.header->start_ticks);
}

bool target_refresh(struct target *target, struct error *error)
{
	struct image *next = &target->images[!target->current];
	struct timespec now;
	char storage[32];
	// Asked before: what is copied when the process is gone is the last there is.
	bool is_running = current(target)->memory && has_process(target);
	if (!copy_all(target, next, error))
		return error_prefix(error, name_of(target, storage, sizeof(storage)));
	clock_gettime(CLOCK_REALTIME, &now);
	next->time_ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
	next->ticks = system_ticks();
	target->is_running = is_running;
	target->current = !target->current;
	return true;
}

static void read_program(struct target *target)
{
	const struct ledger *ledger = target_ledger(target);
	const char *path = read_string(ledger, ledger->header->program);
	struct text program = TEXT_ON(target->program);
	text_add(&program, *path ? text_base_name(path) : "unknown");
	for (char *at = target->program; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 127)
			*at = '?';
}

// Take the first copy; the source is the target's from now on.
static bool open_source(struct target **target, struct source source, struct error *error)
{
	struct target *opened = calloc(1, sizeof(*opened));
	if (!opened) {
		source_close(&source);
		return error_set(error, "out of memory");
	}
	opened->source = source;
	if (!target_refresh(opened, error)) {
		target_close(opened);
		return false;
	}
	opened->is_running = has_process(opened);
	read_program(opened);
	*target = opened;
	return true;
}

bool target_open_file(struct target **target, const char *path, struct error *error)
{
	struct source source;
	if (!source_open_file(&source, path, error) || !open_source(target, source, error))
		return false;
	// Only what was checked tells whose it is.
	owner_find(&(*target)->source, target_ledger(*target)->header);
	(*target)->is_running = has_process(*target);
	return true;
}

static bool open_process(struct target **target, pid_t pid, struct error *error)
{
	struct source source;
	return source_open_process(&source, pid, error) && open_source(target, source, error);
}

bool target_open(struct target **target, const char *name, struct error *error)
{
	size_t num_digits = strspn(name, "0123456789");
	if (num_digits == 0 || name[num_digits])
		return target_open_file(target, name, error);
	errno = 0;
	long pid = strtol(name, NULL, 10);
	if (errno || pid < 1 || pid > INT32_MAX)
		return error_set(error, "%s: is no process id", name);
	return open_process(target, (pid_t)pid, error);
}

void target_close(struct target *target)
{
	if (!target)
		return;
	for (int i = 0; i < 2; i++)
		if (target->images[i].memory)
			munmap(target->images[i].memory, target->images[i].size_bytes);
	source_close(&target->source);
	free(target);
}

const struct ledger *target_ledger(const struct target *target)
{
	return &current(target)->ledger;
}

int64_t target_time_ns(const struct target *target)
{
	return current(target)->time_ns;
}

double target_ticks_per_ns(const struct target *target)
{
	const struct ledger_header *header = target_ledger(target)->header;
	double measured = read_ticks_per_ns(target_ledger(target));
	if (!target->is_running)
		return measured;
	// The clock and the counter are the machine's: over the longest time there is.
	int64_t elapsed_ns = system_clock_ns(CLOCK_MONOTONIC) - header->start_clock_ns;
	uint64_t now = system_ticks();
	return elapsed_ns > 0 && now > header->start_ticks ? (double)(now - header->start_ticks) / (double)elapsed_ns : measured;
}

uint64_t target_now_ticks(const struct target *target)
{
	const struct ledger_header *header = target_ledger(target)->header;
	uint64_t late = header->late_ticks > header->peak_ticks ? header->late_ticks : header->peak_ticks;
	return target->is_running ? current(target)->ticks : late;
}

pid_t target_pid(const struct target *target)
{
	return target->is_running ? target->source.pid : 0;
}

const char *target_path(const struct target *target)
{
	return target->source.path;
}

const char *target_program(const struct target *target)
{
	return target->program;
}

static bool visit_blocks(const struct ledger_block *blocks, uint64_t num,
			 bool (*visit)(void *context, const struct target_block *block), void *context)
{
	for (uint64_t i = 0; i < num; i++) {
		struct target_block block = { blocks[i].address, blocks[i].size_bytes, blocks[i].weight,
					      blocks[i].birth * LEDGER_BIRTH_TICKS, blocks[i].site };
		if (block.address && block.site && !visit(context, &block))
			return false;
	}
	return true;
}

bool target_read_blocks(struct target *target, uint64_t max_blocks,
			bool (*visit)(void *context, const struct target_block *block), void *context, struct error *error)
{
	const struct ledger_region *region = &target_ledger(target)->header->regions[LEDGER_BLOCKS];
	uint64_t num = read_num(target_ledger(target), LEDGER_BLOCKS);
	struct ledger_block *blocks = malloc(BLOCKS_AT_ONCE * sizeof(*blocks));
	bool is_read = blocks != NULL || error_set(error, "out of memory");
	num = num < max_blocks ? num : max_blocks;
	for (uint64_t i = 1; is_read && i < num; i += BLOCKS_AT_ONCE) {
		uint64_t num_now = num - i < BLOCKS_AT_ONCE ? num - i : BLOCKS_AT_ONCE;
		memset(blocks, 0, num_now * sizeof(*blocks)); // holes are left as they are
		is_read = source_read(&target->source, region->offset + i * sizeof(*blocks), blocks, num_now * sizeof(*blocks), error);
		if (is_read && !visit_blocks(blocks, num_now, visit, context))
			break;
	}
	free(blocks);
	return is_read;
}
