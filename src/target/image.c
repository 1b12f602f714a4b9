// SPDX-License-Identifier: Apache-2.0
/*
 * Image: a private copy of a ledger that may be changing.  OUTSIDE.
 *
 * The order of copying makes the copy agree with itself although the program goes on (ledger/layout.h tells what
 * holds at each instant).  Sites are counted first and copied twice: what was freed is taken from the first copy
 * and what was allocated from the second, so that no freeing is seen without its allocation.  What sites refer to
 * is counted and copied after them.  The totals and the number of the peak come last.
 */
#include "target/image.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/system.h"

#define PAGE_BYTES UINT64_C(4096)
#define SITES_AT_ONCE 256

static uint64_t round_up_to_page(uint64_t number)
{
	return (number + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
}

static bool is_file_size_enough(const struct source *source, struct error *error)
{
	unsigned char start[2] = { 0, 0 };
	if (source->size_bytes >= 2 && source_read(source, 0, start, 2, error) && start[0] == 0x1f && start[1] == 0x8b)
		return error_set(error, "is gzipped, as profiles are, and so no ledger; read it with pprof");
	return source->size_bytes >= sizeof(struct ledger_header) ||
	       error_set(error, "has %" PRIu64 " bytes, fewer than a ledger's header (%zu)", source->size_bytes,
			 sizeof(struct ledger_header));
}

static bool reserve(struct image *image, uint64_t size_bytes, struct error *error)
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
static bool copy_part(const struct source *source, struct image *image, uint64_t offset, uint64_t size_bytes, struct error *error)
{
	uint64_t start = offset & ~(PAGE_BYTES - 1), limit = round_up_to_page(offset + size_bytes);
	limit = limit < image->size_bytes ? limit : round_up_to_page(image->size_bytes);
	if (size_bytes == 0)
		return true;
	if (mprotect(image->memory + start, limit - start, PROT_READ | PROT_WRITE) != 0)
		return error_set(error, "no memory for %" PRIu64 " bytes of it", size_bytes);
	return source_read(source, offset, image->memory + offset, size_bytes, error);
}

static bool copy_region(const struct source *source, struct image *image, enum ledger_region_number number, uint32_t num,
			struct error *error)
{
	const struct ledger_region *region = &image->ledger.header->regions[number];
	return copy_part(source, image, region->offset, num * region->element_bytes, error);
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

static bool copy_header(const struct source *source, struct image *image, const struct ledger_header *first, struct error *error)
{
	if (!copy_part(source, image, 0, sizeof(struct ledger_header), error))
		return false;
	const char *wrong = ledger_open(&image->ledger, image->memory, image->size_bytes);
	if (wrong)
		return error_set(error, "%s", wrong);
	if (!is_alike(image->ledger.header, first))
		return error_set(error, "regions: change while they are read");
	return are_counts_possible(&image->ledger, error);
}

// The first look, which tells how large the rest is, and where.
static bool read_first_header(const struct source *source, struct ledger_header *header, struct error *error)
{
	memset(header, 0, sizeof(*header));
	if (!is_file_size_enough(source, error) || !source_read(source, 0, header, sizeof(*header), error))
		return false;
	const char *wrong = ledger_open(&(struct ledger){ 0 }, header, source->size_bytes);
	return !wrong || error_set(error, "%s", wrong);
}

// Twice: what was freed stays as the first copy has it.  What the program frees in between looks live, so in between
// there must be microseconds.
static bool copy_some_sites(const struct source *source, struct image *image, uint32_t start, uint32_t num, struct error *error)
{
	struct ledger_site *sites = image->ledger.sites + start;
	uint64_t offset = image->ledger.header->regions[LEDGER_SITES].offset + start * sizeof(*sites);
	struct freed {
		uint64_t objects, bytes;
	} freed[SITES_AT_ONCE];
	if (!source_read(source, offset, sites, num * sizeof(*sites), error))
		return false;
	for (uint32_t i = 0; i < num; i++)
		freed[i] = (struct freed){ sites[i].freed_objects, sites[i].freed_bytes };
	if (!source_read(source, offset, sites, num * sizeof(*sites), error))
		return false;
	for (uint32_t i = 0; i < num; i++) {
		if (sites[i].freed_objects == freed[i].objects && sites[i].freed_bytes == freed[i].bytes)
			continue; // a hole, of which nothing is to become memory
		sites[i].freed_objects = freed[i].objects;
		sites[i].freed_bytes = freed[i].bytes;
	}
	return true;
}

static bool copy_sites(const struct source *source, struct image *image, uint32_t num_sites, struct error *error)
{
	for (uint32_t i = 0; i < num_sites; i += SITES_AT_ONCE) {
		uint32_t num = num_sites - i < SITES_AT_ONCE ? num_sites - i : SITES_AT_ONCE;
		if (!copy_some_sites(source, image, i, num, error))
			return false;
	}
	return true;
}

// Tables that were never written are not read: in a process that would give them memory.
static bool copy_parallel(const struct source *source, struct image *image, uint32_t num_sites, struct error *error)
{
	const struct ledger_header *header = image->ledger.header;
	bool has_epoch = header->is_forked || header->epoch_time_ns != header->start_time_ns;
	return copy_region(source, image, LEDGER_SITE_ERRORS, header->is_estimate ? num_sites : 0, error) &&
	       copy_region(source, image, LEDGER_SITE_EPOCHS, has_epoch ? num_sites : 0, error);
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

static bool copy_all(struct image *image, const struct source *source, struct error *error)
{
	static const enum ledger_region_number referred[] = { LEDGER_NODES, LEDGER_FRAMES, LEDGER_MAPPINGS, LEDGER_STRINGS };
	struct ledger_header first;
	if (!read_first_header(source, &first, error) || !reserve(image, first.total_bytes, error) ||
	    !copy_header(source, image, &first, error))
		return false;
	struct ledger_header *header = image->ledger.header;
	uint32_t num_sites = read_num(&image->ledger, LEDGER_SITES), num[4];
	if (!open_sites(image, num_sites, error) || !copy_sites(source, image, num_sites, error) ||
	    !copy_header(source, image, &first, error) || !copy_parallel(source, image, num_sites, error))
		return false;
	for (int i = 0; i < 4; i++) {
		num[i] = read_num(&image->ledger, referred[i]);
		if (!copy_region(source, image, referred[i], num[i], error))
			return false;
	}
	if (!copy_header(source, image, &first, error))
		return false;
	header->regions[LEDGER_SITES].num_used = num_sites;
	for (int i = 0; i < 4; i++)
		header->regions[referred[i]].num_used = num[i];
	return true;
}

bool image_copy(struct image *image, const struct source *source, struct error *error)
{
	struct timespec now;
	if (!copy_all(image, source, error))
		return false;
	clock_gettime(CLOCK_REALTIME, &now);
	image->time_ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
	image->ticks = system_ticks();
	return true;
}

void image_deinit(struct image *image)
{
	if (image->memory)
		munmap(image->memory, image->size_bytes);
	*image = (struct image){ 0 };
}
