// SPDX-License-Identifier: Apache-2.0
/*
 * Image: a private copy of a ledger that may be changing.  OUTSIDE.
 *
 * The order of copying makes the copy agree with itself although the program goes on (ledger/layout.h tells what
 * holds at each instant).  Sites are counted and copied first, which tells their tallies.  The tallies of some sites at
 * once are copied twice: what was freed is taken from the first copy and what was allocated from the second, so that no
 * freeing is seen without its allocation, whichever lanes saw the two.  What sites refer to is counted and copied
 * after them.  The totals and the number of the peak come last.
 */
#include "target/image.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/system.h"

#define PAGE_BYTES UINT64_C(4096)
#define TALLIES_AT_ONCE 256
#define SITES_AT_ONCE 4096
#define MAX_COPIES 3

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
		if (ledger_counted_by((enum ledger_region_number)i) == (enum ledger_region_number)i && header->regions[i].num_used > 1)
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

// Tallies that are copied at once, and the parts of the table that they are.
struct batch {
	const struct source *source;
	struct image *image;
	size_t num_tallies, num_parts;
	uint32_t tallies[TALLIES_AT_ONCE];
	struct source_part parts[TALLIES_AT_ONCE];
};

static struct ledger_tally *tally_at(const struct batch *batch, size_t i)
{
	return &batch->image->ledger.tallies[batch->tallies[i]];
}

// Twice: what was freed stays as the first copy has it.  What the program frees in between looks live, so in between
// there must be microseconds.
static bool copy_batch(struct batch *batch, struct error *error)
{
	struct freed {
		uint64_t objects, bytes;
	} freed[TALLIES_AT_ONCE];
	if (!source_read_parts(batch->source, batch->parts, batch->num_parts, error))
		return false;
	for (size_t i = 0; i < batch->num_tallies; i++)
		freed[i] = (struct freed){ tally_at(batch, i)->freed_objects, tally_at(batch, i)->freed_bytes };
	if (!source_read_parts(batch->source, batch->parts, batch->num_parts, error))
		return false;
	for (size_t i = 0; i < batch->num_tallies; i++) {
		struct ledger_tally *tally = tally_at(batch, i);
		if (tally->freed_objects == freed[i].objects && tally->freed_bytes == freed[i].bytes)
			continue; // a hole, of which nothing is to become memory
		tally->freed_objects = freed[i].objects;
		tally->freed_bytes = freed[i].bytes;
	}
	batch->num_tallies = batch->num_parts = 0;
	return true;
}

static void add_to_batch(struct batch *batch, uint32_t tally)
{
	const struct ledger_region *region = &batch->image->ledger.header->regions[LEDGER_TALLIES];
	struct source_part *last = batch->num_parts ? &batch->parts[batch->num_parts - 1] : NULL;
	uint64_t offset = region->offset + tally * region->element_bytes;
	batch->tallies[batch->num_tallies++] = tally;
	if (last && last->offset + last->size_bytes == offset)
		last->size_bytes += region->element_bytes;
	else
		batch->parts[batch->num_parts++] =
			(struct source_part){ offset, batch->image->memory + offset, region->element_bytes };
}

// The numbers of all tallies, whose lists have been copied.
static bool copy_tallies(const struct source *source, struct image *image, uint32_t num_sites, uint32_t num_tallies, struct error *error)
{
	struct batch batch = { .source = source, .image = image };
	const struct ledger *ledger = &image->ledger;
	for (uint32_t site = 1; site < num_sites; site++) {
		uint32_t lists[LEDGER_NUM_LANES], num = 0;
		for (uint32_t i = ledger->sites[site].tallies; i && i < num_tallies && num < LEDGER_NUM_LANES; i = ledger->tallies[i].next)
			lists[num++] = i;
		// Those of one site together.
		if (batch.num_tallies + num > TALLIES_AT_ONCE && !copy_batch(&batch, error))
			return false;
		for (uint32_t i = 0; i < num; i++)
			add_to_batch(&batch, lists[i]);
	}
	return copy_batch(&batch, error);
}

// Tables that were never written are not read: in a process that would give them memory.
static bool copy_parallel(const struct source *source, struct image *image, uint32_t num_sites, uint32_t num_tallies,
			  struct error *error)
{
	const struct ledger_header *header = image->ledger.header;
	return copy_region(source, image, LEDGER_TALLY_ERRORS, header->is_estimate ? num_tallies : 0, error) &&
	       copy_region(source, image, LEDGER_SITE_EPOCHS, read_has_epochs(header) ? num_sites : 0, error);
}

// Parts that are not copied read as zeros.
static bool open_region(struct image *image, enum ledger_region_number number, uint32_t num, struct error *error)
{
	const struct ledger_region *region = &image->ledger.header->regions[number];
	return mprotect(image->memory + region->offset, round_up_to_page(num * region->element_bytes), PROT_READ | PROT_WRITE) == 0 ||
	       error_set(error, "no memory for %" PRIu32 " elements", num);
}

// Has a lane come to a known site since the sites were copied?  What it allocates there may be freed in a lane whose tally
// is copied later.
static bool has_new_tallies(const struct source *source, const struct image *image, uint32_t num_sites)
{
	const struct ledger *ledger = &image->ledger;
	struct ledger_site now[SITES_AT_ONCE];
	struct error ignored;
	uint64_t offset = ledger->header->regions[LEDGER_SITES].offset;
	for (uint32_t start = 0; start < num_sites; start += SITES_AT_ONCE) {
		uint32_t num = num_sites - start < SITES_AT_ONCE ? num_sites - start : SITES_AT_ONCE;
		memset(now, 0, sizeof(now)); // what is a hole stays so
		if (!source_read(source, offset + start * sizeof(*now), now, num * sizeof(*now), &ignored))
			return false;
		for (uint32_t i = 0; i < num; i++)
			if (now[i].tallies != ledger->sites[start + i].tallies)
				return true;
	}
	return false;
}

static bool copy_sites_once(const struct source *source, struct image *image, uint32_t *num_sites, uint32_t *num_tallies,
			    const struct ledger_header *first, struct error *error)
{
	*num_sites = read_num(&image->ledger, LEDGER_SITES);
	if (!open_region(image, LEDGER_SITES, *num_sites, error) || !open_region(image, LEDGER_SITE_EPOCHS, *num_sites, error) ||
	    !copy_region(source, image, LEDGER_SITES, *num_sites, error) || !copy_header(source, image, first, error))
		return false;
	*num_tallies = read_num(&image->ledger, LEDGER_TALLIES);
	return open_region(image, LEDGER_TALLIES, *num_tallies, error) && open_region(image, LEDGER_TALLY_ERRORS, *num_tallies, error) &&
	       copy_region(source, image, LEDGER_TALLIES, *num_tallies, error) &&
	       copy_tallies(source, image, *num_sites, *num_tallies, error);
}

// A program that just begins may go on meeting its sites in new threads: then what was copied last is good enough.
static bool copy_sites(const struct source *source, struct image *image, uint32_t *num_sites, uint32_t *num_tallies,
		       const struct ledger_header *first, struct error *error)
{
	for (int i = 0; i < MAX_COPIES; i++) {
		if (!copy_sites_once(source, image, num_sites, num_tallies, first, error))
			return false;
		if (!has_new_tallies(source, image, *num_sites))
			break;
	}
	return true;
}

static bool copy_all(struct image *image, const struct source *source, struct error *error)
{
	static const enum ledger_region_number referred[] = { LEDGER_NODES, LEDGER_FRAMES, LEDGER_MAPPINGS, LEDGER_STRINGS };
	struct ledger_header first;
	uint32_t num_sites, num_tallies, num[4];
	if (!read_first_header(source, &first, error) || !reserve(image, first.total_bytes, error) ||
	    !copy_header(source, image, &first, error) || !copy_sites(source, image, &num_sites, &num_tallies, &first, error) ||
	    !copy_header(source, image, &first, error) || !copy_parallel(source, image, num_sites, num_tallies, error))
		return false;
	for (int i = 0; i < 4; i++) {
		num[i] = read_num(&image->ledger, referred[i]);
		if (!copy_region(source, image, referred[i], num[i], error))
			return false;
	}
	if (!copy_header(source, image, &first, error))
		return false;
	struct ledger_region *regions = image->ledger.header->regions;
	regions[LEDGER_SITES].num_used = num_sites;
	regions[LEDGER_TALLIES].num_used = num_tallies;
	for (int i = 0; i < 4; i++)
		regions[referred[i]].num_used = num[i];
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
