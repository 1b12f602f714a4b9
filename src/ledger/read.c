// SPDX-License-Identifier: Apache-2.0
// Reading a ledger.  BOTH worlds.
#include "ledger/read.h"

#include <string.h>

static const uint64_t element_bytes[LEDGER_NUM_REGIONS] = {
	[LEDGER_STRINGS] = 1,
	[LEDGER_MAPPINGS] = sizeof(struct ledger_mapping),
	[LEDGER_FRAMES] = sizeof(struct ledger_frame),
	[LEDGER_NODES] = sizeof(struct ledger_node),
	[LEDGER_SITES] = sizeof(struct ledger_site),
	[LEDGER_SITE_ERRORS] = sizeof(struct ledger_site_errors),
	[LEDGER_SITE_EPOCHS] = sizeof(struct ledger_site_epoch),
	[LEDGER_BLOCKS] = sizeof(struct ledger_block),
	[LEDGER_FRAME_BUCKETS] = sizeof(uint32_t),
	[LEDGER_NODE_BUCKETS] = sizeof(uint32_t),
	[LEDGER_SITE_BUCKETS] = sizeof(uint32_t),
	[LEDGER_BLOCK_BUCKETS] = sizeof(uint32_t),
};

static bool region_fits(const struct ledger_region *region, uint64_t expected_bytes, uint64_t total_bytes)
{
	uint64_t size_bytes;
	return region->element_bytes == expected_bytes && region->offset >= sizeof(struct ledger_header) &&
	       region->offset % 4096 == 0 && region->offset <= total_bytes && region->capacity > 0 &&
	       !__builtin_mul_overflow(region->capacity, expected_bytes, &size_bytes) &&
	       size_bytes <= total_bytes - region->offset;
}

const char *ledger_open(struct ledger *ledger, void *memory, size_t size_bytes)
{
	struct ledger_header *header = memory;
	if (size_bytes < sizeof(*header))
		return "shorter than a ledger's header";
	if (memcmp(header->magic, LEDGER_MAGIC, sizeof(header->magic)) != 0)
		return "magic: not a ledger";
	if (header->version != LEDGER_VERSION)
		return "version: of another version of cairn";
	if (header->header_bytes != sizeof(*header))
		return "header_bytes: not this version's";
	// Pairs with the release in ledger_create().
	if (atomic_load_explicit(&header->is_ready, memory_order_acquire) != 1)
		return "is_ready: its program was stopped before it was complete";
	if (header->total_bytes > size_bytes)
		return "total_bytes: truncated";
	for (int i = 0; i < LEDGER_NUM_REGIONS; i++)
		if (!region_fits(&header->regions[i], element_bytes[i], header->total_bytes))
			return "regions: outside the ledger";
	uint64_t num_sites = header->regions[LEDGER_SITES].capacity;
	if (header->regions[LEDGER_SITE_ERRORS].capacity < num_sites ||
	    header->regions[LEDGER_SITE_EPOCHS].capacity < num_sites)
		return "regions: fewer errors or epochs than sites";
	ledger_attach(ledger, header);
	return NULL;
}

uint32_t read_num(const struct ledger *ledger, enum ledger_region_number region)
{
	uint64_t used = ledger_num_used(ledger, region);
	uint64_t capacity = ledger->header->regions[region].capacity;
	uint64_t num = used < capacity ? used : capacity;
	return num < UINT32_MAX ? (uint32_t)num : UINT32_MAX;
}

static uint64_t get(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit((_Atomic uint64_t *)counter, memory_order_relaxed);
}

static uint64_t whole(uint64_t fixed_point)
{
	return (fixed_point + LEDGER_ONE / 2) >> LEDGER_FRACTION_BITS;
}

static uint64_t difference(uint64_t more, uint64_t less)
{
	return more > less ? more - less : 0;
}

static double get_double(const _Atomic uint64_t *bits)
{
	uint64_t raw = get(bits);
	double value;
	memcpy(&value, &raw, sizeof(value));
	return value >= 0 && value < 1e300 ? value : 0; // also where it is not a number
}

static double excess(double more, double less)
{
	return more > less ? more - less : 0;
}

bool read_site(const struct ledger *ledger, uint32_t number, struct tally *tally)
{
	*tally = (struct tally){ 0 };
	if (number == 0 || number >= read_num(ledger, LEDGER_SITES) || !ledger->sites[number].node)
		return false;
	const struct ledger_site *site = &ledger->sites[number];
	const struct ledger_site_errors *errors = &ledger->errors[number];
	const struct ledger_site_epoch *epoch = &ledger->epochs[number];
	tally->freed_bytes_variance = get_double(&errors->freed_bytes_variance);
	double freed_objects_variance = get_double(&errors->freed_objects_variance);
	// Acquire, before the allocations are read: pairs with the release in site_add_freeing().
	uint64_t freed_bytes = atomic_load_explicit(&site->freed_bytes, memory_order_acquire);
	uint64_t freed_objects = atomic_load_explicit(&site->freed_objects, memory_order_acquire);
	uint64_t allocated_objects = get(&site->allocated_objects), allocated_bytes = get(&site->allocated_bytes);
	if (!allocated_objects)
		return false;
	tally->allocated_objects = whole(difference(allocated_objects, get(&epoch->allocated_objects)));
	tally->allocated_bytes = whole(difference(allocated_bytes, get(&epoch->allocated_bytes)));
	tally->inherited_objects = whole(difference(epoch->inherited_objects, get(&epoch->allocated_objects)));
	tally->inherited_bytes = whole(difference(epoch->inherited_bytes, get(&epoch->allocated_bytes)));
	tally->live_objects = whole(difference(allocated_objects, freed_objects));
	tally->live_bytes = whole(difference(allocated_bytes, freed_bytes));
	tally->allocated_bytes_variance = get_double(&errors->allocated_bytes_variance);
	tally->allocated_objects_variance = get_double(&errors->allocated_objects_variance);
	if (tally->live_objects) {
		tally->live_bytes_variance = excess(tally->allocated_bytes_variance, tally->freed_bytes_variance);
		tally->live_objects_variance = excess(tally->allocated_objects_variance, freed_objects_variance);
	}
	// Pairs with the release in keep_peak().  While the heap stands at its maximum the peak is now.
	uint32_t seen = atomic_load_explicit((_Atomic uint32_t *)&site->peak_seen, memory_order_acquire);
	uint32_t peak = atomic_load_explicit(&ledger->header->peak_number, memory_order_relaxed);
	uint64_t heap_bytes = difference(get(&ledger->header->allocated_bytes), get(&ledger->header->freed_bytes));
	bool is_kept = seen == peak && heap_bytes <= get(&ledger->header->peak_bytes);
	tally->peak_objects = is_kept ? whole(get(&site->peak_objects)) : tally->live_objects;
	tally->peak_bytes = is_kept ? whole(get(&site->peak_bytes)) : tally->live_bytes;
	tally->peak_bytes_variance = is_kept ? get_double(&errors->peak_bytes_variance) : tally->live_bytes_variance;
	return true;
}

void read_total(const struct ledger *ledger, struct tally *total)
{
	*total = (struct tally){ 0 };
	for (uint32_t i = 1; i < read_num(ledger, LEDGER_SITES); i++) {
		struct tally tally;
		if (!read_site(ledger, i, &tally))
			continue;
		total->allocated_objects += tally.allocated_objects;
		total->allocated_bytes += tally.allocated_bytes;
		total->inherited_objects += tally.inherited_objects;
		total->inherited_bytes += tally.inherited_bytes;
		total->live_objects += tally.live_objects;
		total->live_bytes += tally.live_bytes;
		total->peak_objects += tally.peak_objects;
		total->peak_bytes += tally.peak_bytes;
		total->live_objects_variance += tally.live_objects_variance;
		total->live_bytes_variance += tally.live_bytes_variance;
		total->peak_bytes_variance += tally.peak_bytes_variance;
		total->allocated_objects_variance += tally.allocated_objects_variance;
		total->allocated_bytes_variance += tally.allocated_bytes_variance;
		total->freed_bytes_variance += tally.freed_bytes_variance;
	}
}

size_t read_stack(const struct ledger *ledger, uint32_t site, uint32_t *frames, size_t max_frames)
{
	uint64_t num_nodes = read_num(ledger, LEDGER_NODES);
	uint32_t node = ledger->sites[site].node;
	size_t num_frames = 0;
	while (node && node < num_nodes && num_frames < max_frames) {
		frames[num_frames++] = ledger->nodes[node].frame;
		uint32_t parent = ledger->nodes[node].parent;
		node = parent < node ? parent : 0;
	}
	return num_frames;
}

bool read_frame(const struct ledger *ledger, uint32_t number, uint32_t *mapping, uint64_t *address)
{
	if (number == 0 || number >= read_num(ledger, LEDGER_FRAMES))
		return false;
	*address = ledger->frames[number].address;
	uint32_t named = ledger->frames[number].mapping;
	*mapping = read_mapping(ledger, named) ? named : 0;
	return true;
}

const struct ledger_mapping *read_mapping(const struct ledger *ledger, uint32_t number)
{
	if (number == 0 || number >= read_num(ledger, LEDGER_MAPPINGS))
		return NULL;
	const struct ledger_mapping *mapping = &ledger->mappings[number];
	return mapping->start < mapping->limit ? mapping : NULL;
}

const char *read_string(const struct ledger *ledger, uint32_t offset)
{
	uint64_t num_bytes = read_num(ledger, LEDGER_STRINGS);
	if (offset >= num_bytes || !memchr(ledger->strings + offset, 0, num_bytes - offset))
		return "";
	return ledger->strings + offset;
}

uint64_t read_num_samples(const struct ledger *ledger)
{
	return difference(get(&ledger->header->num_samples), get(&ledger->header->epoch_num_samples));
}

bool read_is_estimate(const struct ledger *ledger)
{
	return atomic_load_explicit(&ledger->header->is_estimate, memory_order_relaxed) != 0;
}

uint64_t read_num_lost(const struct ledger *ledger)
{
	return ledger_get_count(ledger, LEDGER_COUNTER_reentered) + ledger_get_count(ledger, LEDGER_COUNTER_contended) +
	       ledger_get_count(ledger, LEDGER_COUNTER_dropped_stacks) +
	       ledger_get_count(ledger, LEDGER_COUNTER_untracked_objects);
}

double read_ticks_per_ns(const struct ledger *ledger)
{
	const struct ledger_header *header = ledger->header;
	int64_t elapsed_ns = atomic_load_explicit(&header->late_clock_ns, memory_order_relaxed) - header->start_clock_ns;
	uint64_t ticks = difference(get(&header->late_ticks), header->start_ticks);
	return elapsed_ns > 0 ? (double)ticks / (double)elapsed_ns : 0;
}

uint64_t read_peak_bytes(const struct ledger *ledger)
{
	uint64_t live = difference(get(&ledger->header->allocated_bytes), get(&ledger->header->freed_bytes));
	uint64_t peak = get(&ledger->header->peak_bytes);
	return whole(live > peak ? live : peak);
}
