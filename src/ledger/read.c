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
	[LEDGER_SITE_EPOCHS] = sizeof(struct ledger_site_epoch),
	[LEDGER_TALLIES] = sizeof(struct ledger_tally),
	[LEDGER_TALLY_ERRORS] = sizeof(struct ledger_tally_errors),
	[LEDGER_BLOCKS] = sizeof(struct ledger_block),
	[LEDGER_FRAME_BUCKETS] = sizeof(uint32_t),
	[LEDGER_NODE_BUCKETS] = sizeof(uint32_t),
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
	if (header->regions[LEDGER_TALLY_ERRORS].capacity < header->regions[LEDGER_TALLIES].capacity ||
	    header->regions[LEDGER_SITE_EPOCHS].capacity < header->regions[LEDGER_SITES].capacity)
		return "regions: fewer errors than tallies or epochs than sites";
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

// A sum over lanes while they change may be a little less than 0.
static uint64_t at_least_0(uint64_t number)
{
	return number >> 63 ? 0 : number;
}

// Of one lane it may be less than 0.
static double get_double(const _Atomic uint64_t *bits)
{
	uint64_t raw = get(bits);
	double value;
	memcpy(&value, &raw, sizeof(value));
	return value > -1e300 && value < 1e300 ? value : 0; // also where it is not a number
}

static double excess(double more, double less)
{
	return more > less ? more - less : 0;
}

static uint32_t num_lanes(const struct ledger_header *header)
{
	uint32_t num = atomic_load_explicit(&header->num_lanes, memory_order_relaxed);
	return num < LEDGER_NUM_LANES ? num : LEDGER_NUM_LANES;
}

uint64_t read_live_bytes(const struct ledger_header *header)
{
	uint64_t live = 0;
	for (uint32_t i = 0; i < num_lanes(header); i++)
		live += get(&header->lanes[i].live_bytes);
	return live;
}

uint64_t read_all_samples(const struct ledger_header *header)
{
	uint64_t num_samples = 0;
	for (uint32_t i = 0; i < num_lanes(header); i++)
		num_samples += get(&header->lanes[i].num_samples);
	return num_samples;
}

uint64_t read_own_ticks(const struct ledger_header *header)
{
	uint64_t ticks = get(&header->dump_ticks);
	for (uint32_t i = 0; i < num_lanes(header); i++)
		ticks += get(&header->lanes[i].own_ticks);
	return ticks;
}

// The tally after this one in its site's list, or the first (from 0); 0 at the end.  A list is no longer than there
// are lanes, or it is damaged.
static uint32_t next_tally(const struct ledger *ledger, uint32_t site, uint32_t tally, uint32_t *num_seen)
{
	uint32_t num_tallies = read_num(ledger, LEDGER_TALLIES);
	// Pairs with the release in tally_add().
	uint32_t next = atomic_load_explicit(tally ? &ledger->tallies[tally].next : &ledger->sites[site].tallies, memory_order_acquire);
	return next < num_tallies && (*num_seen)++ < LEDGER_NUM_LANES ? next : 0;
}

struct read_counts read_counts(const struct ledger *ledger, uint32_t site)
{
	struct read_counts counts = { 0 };
	uint32_t num_seen = 0;
	// Acquire, before any lane's allocations are read: pairs with the release in tally_add_freeing().
	for (uint32_t i = 0; (i = next_tally(ledger, site, i, &num_seen)) != 0;) {
		counts.freed_bytes += atomic_load_explicit(&ledger->tallies[i].freed_bytes, memory_order_acquire);
		counts.freed_objects += atomic_load_explicit(&ledger->tallies[i].freed_objects, memory_order_acquire);
	}
	// A lane that came meanwhile is in the list from here on: it may have allocated what was seen to be freed.
	num_seen = 0;
	for (uint32_t i = 0; (i = next_tally(ledger, site, i, &num_seen)) != 0;) {
		counts.allocated_objects += get(&ledger->tallies[i].allocated_objects);
		counts.allocated_bytes += get(&ledger->tallies[i].allocated_bytes);
	}
	return counts;
}

// Sums of the variances of a site, all lanes together.
struct variances {
	double allocated_objects, allocated_bytes, freed_objects, freed_bytes;
};

static struct variances read_variances(const struct ledger *ledger, uint32_t site)
{
	struct variances sum = { 0 };
	uint32_t num_seen = 0;
	if (!read_is_estimate(ledger)) // never written, and reading would give the table memory
		return sum;
	for (uint32_t i = 0; (i = next_tally(ledger, site, i, &num_seen)) != 0;) {
		const struct ledger_tally_errors *errors = &ledger->errors[i];
		sum.freed_objects += get_double(&errors->freed_objects_variance);
		sum.freed_bytes += get_double(&errors->freed_bytes_variance);
		sum.allocated_objects += get_double(&errors->allocated_objects_variance);
		sum.allocated_bytes += get_double(&errors->allocated_bytes_variance);
	}
	return sum;
}

bool read_has_epochs(const struct ledger_header *header)
{
	return header->is_forked || atomic_load_explicit(&header->epoch_time_ns, memory_order_relaxed) != header->start_time_ns;
}

struct epoch {
	uint64_t allocated_objects, allocated_bytes, inherited_objects, inherited_bytes;
};

static struct epoch read_epoch(const struct ledger *ledger, uint32_t site)
{
	const struct ledger_site_epoch *epoch = &ledger->epochs[site];
	if (!read_has_epochs(ledger->header))
		return (struct epoch){ 0 };
	return (struct epoch){ get(&epoch->allocated_objects), get(&epoch->allocated_bytes), epoch->inherited_objects,
			       epoch->inherited_bytes };
}

// What was live at the peak: each lane has kept it since, or has not counted anything since, and then it is what is live.
static void read_peak(const struct ledger *ledger, uint32_t site, struct tally *tally)
{
	uint64_t objects = 0, bytes = 0;
	double variance = 0;
	bool is_estimate = read_is_estimate(ledger);
	uint32_t num_seen = 0, peak = atomic_load_explicit(&ledger->header->peak_number, memory_order_relaxed);
	for (uint32_t i = 0; (i = next_tally(ledger, site, i, &num_seen)) != 0;) {
		const struct ledger_tally *lane = &ledger->tallies[i];
		const struct ledger_tally_errors *errors = &ledger->errors[i];
		// Pairs with the release in keep_peak().
		bool is_kept = atomic_load_explicit(&lane->peak_seen, memory_order_acquire) == peak;
		objects += is_kept ? get(&lane->peak_objects) : get(&lane->allocated_objects) - get(&lane->freed_objects);
		bytes += is_kept ? get(&lane->peak_bytes) : get(&lane->allocated_bytes) - get(&lane->freed_bytes);
		if (!is_estimate)
			continue;
		variance += is_kept ? get_double(&errors->peak_bytes_variance)
				    : get_double(&errors->allocated_bytes_variance) - get_double(&errors->freed_bytes_variance);
	}
	tally->peak_objects = whole(at_least_0(objects));
	tally->peak_bytes = whole(at_least_0(bytes));
	tally->peak_bytes_variance = tally->peak_bytes ? excess(variance, 0) : 0;
}

bool read_site(const struct ledger *ledger, uint32_t number, struct tally *tally)
{
	*tally = (struct tally){ 0 };
	if (number == 0 || number >= read_num(ledger, LEDGER_SITES) || !ledger->sites[number].node)
		return false;
	struct epoch epoch = read_epoch(ledger, number);
	// Before the counts: what is freed in between makes the error larger, not smaller.
	struct variances variances = read_variances(ledger, number);
	struct read_counts counts = read_counts(ledger, number);
	if (!counts.allocated_objects)
		return false;
	tally->allocated_objects = whole(difference(counts.allocated_objects, epoch.allocated_objects));
	tally->allocated_bytes = whole(difference(counts.allocated_bytes, epoch.allocated_bytes));
	tally->inherited_objects = whole(difference(epoch.inherited_objects, epoch.allocated_objects));
	tally->inherited_bytes = whole(difference(epoch.inherited_bytes, epoch.allocated_bytes));
	tally->live_objects = whole(difference(counts.allocated_objects, counts.freed_objects));
	tally->live_bytes = whole(difference(counts.allocated_bytes, counts.freed_bytes));
	tally->allocated_objects_variance = variances.allocated_objects;
	tally->allocated_bytes_variance = variances.allocated_bytes;
	tally->freed_bytes_variance = variances.freed_bytes;
	if (tally->live_objects) {
		tally->live_bytes_variance = excess(variances.allocated_bytes, variances.freed_bytes);
		tally->live_objects_variance = excess(variances.allocated_objects, variances.freed_objects);
	}
	// While the heap stands at its maximum the peak is now.
	if (at_least_0(read_live_bytes(ledger->header)) <= get(&ledger->header->peak_bytes)) {
		read_peak(ledger, number, tally);
		return true;
	}
	tally->peak_objects = tally->live_objects;
	tally->peak_bytes = tally->live_bytes;
	tally->peak_bytes_variance = tally->live_bytes_variance;
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
	return difference(read_all_samples(ledger->header), get(&ledger->header->epoch_num_samples));
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
	uint64_t live = at_least_0(read_live_bytes(ledger->header)), peak = get(&ledger->header->peak_bytes);
	return whole(live > peak ? live : peak);
}
