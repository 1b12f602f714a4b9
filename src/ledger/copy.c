// SPDX-License-Identifier: Apache-2.0
// Copy: a ledger for a forked child.  INSIDE.
#include "ledger/copy.h"

#include <string.h>

#include "base/system.h"
#include "ledger/blocks.h"
#include "ledger/read.h"
#include "ledger/sites.h"
#include "ledger/tallies.h"
#include "ledger/tree.h"

static const enum ledger_region_number growing[] = { LEDGER_STRINGS, LEDGER_MAPPINGS, LEDGER_FRAMES, LEDGER_NODES };

static const enum ledger_region_number changing[] = { LEDGER_SITES, LEDGER_SITE_EPOCHS, LEDGER_TALLIES, LEDGER_TALLY_ERRORS,
						      LEDGER_BLOCKS };

#define NUM(array) (sizeof(array) / sizeof((array)[0]))

static size_t used_bytes(const struct ledger_header *header, const uint64_t *num_used, size_t i)
{
	return num_used[ledger_counted_by(changing[i])] * header->regions[changing[i]].element_bytes;
}

bool ledger_snapshot_init(struct ledger_snapshot *snapshot, const struct ledger *ledger)
{
	*snapshot = (struct ledger_snapshot){ .size_bytes = sizeof(struct ledger_header) };
	// What refers to others first: beside threads that go on (a raw clone()) there is all that it refers to.
	for (int i = LEDGER_NUM_REGIONS - 1; i >= 0; i--)
		snapshot->num_used[i] = ledger_num_used(ledger, (enum ledger_region_number)i);
	for (size_t i = 0; i < NUM(changing); i++)
		snapshot->size_bytes += used_bytes(ledger->header, snapshot->num_used, i);
	snapshot->memory = system_map(snapshot->size_bytes);
	if (!snapshot->memory)
		return false;
	char *to = snapshot->memory;
	snapshot->header = memcpy(to, ledger->header, sizeof(struct ledger_header));
	to += sizeof(struct ledger_header);
	for (size_t i = 0; i < NUM(changing); i++) {
		size_t size_bytes = used_bytes(ledger->header, snapshot->num_used, i);
		memcpy(to, (char *)ledger->header + ledger->header->regions[changing[i]].offset, size_bytes);
		to += size_bytes;
	}
	return true;
}

void ledger_snapshot_deinit(struct ledger_snapshot *snapshot)
{
	system_unmap(snapshot->memory, snapshot->size_bytes);
	*snapshot = (struct ledger_snapshot){ 0 };
}

// The regions lie alike: both ledgers were made from the same limit.
static bool is_alike(const struct ledger_header *a, const struct ledger_header *b)
{
	for (int i = 0; i < LEDGER_NUM_REGIONS; i++)
		if (a->regions[i].offset != b->regions[i].offset || a->regions[i].capacity != b->regions[i].capacity)
			return false;
	return true;
}

static void set_used(struct ledger_header *header, enum ledger_region_number number, uint64_t num_used)
{
	struct ledger_region *region = &header->regions[number];
	header->charged_bytes += (num_used - region->num_paid) * region->charge_bytes;
	region->num_used = num_used;
	region->num_paid = num_used;
}

static bool copy_tallies(struct ledger_header *to, const struct ledger_snapshot *snapshot)
{
	const char *from = snapshot->memory + sizeof(struct ledger_header);
	for (size_t i = 0; i < NUM(changing); i++) {
		size_t size_bytes = used_bytes(to, snapshot->num_used, i);
		if (!ledger_open_up(to, changing[i], 0, snapshot->num_used[ledger_counted_by(changing[i])]))
			return false;
		memcpy((char *)to + to->regions[changing[i]].offset, from, size_bytes);
		from += size_bytes;
		if (changing[i] == ledger_counted_by(changing[i]))
			set_used(to, changing[i], snapshot->num_used[changing[i]]);
	}
	const struct ledger_header *header = snapshot->header;
	to->start_time_ns = header->start_time_ns;
	to->start_clock_ns = header->start_clock_ns;
	to->start_ticks = header->start_ticks;
	to->epoch_time_ns = header->epoch_time_ns;
	to->epoch_num_samples = header->epoch_num_samples;
	to->is_estimate = header->is_estimate;
	memcpy(to->lanes, header->lanes, sizeof(to->lanes));
	for (int i = 0; i < LEDGER_NUM_LANES; i++)
		to->lanes[i].own_ticks = 0; // as the child's processor time begins
	to->num_lanes = header->num_lanes;
	to->live_bytes = header->live_bytes;
	to->peak_estimate = header->peak_estimate;
	to->peak_bytes = header->peak_bytes;
	to->peak_ticks = header->peak_ticks;
	to->peak_number = header->peak_number;
	for (int i = 0; i < LEDGER_NUM_COUNTERS; i++)
		to->counters[i] = header->counters[i];
	return true;
}

// What the parent allocated is in the parent's tallies, too: who adds the two must know.
static void note_inherited(struct ledger *child)
{
	for (uint32_t i = 1; i < ledger_num_used(child, LEDGER_SITES); i++) {
		struct read_counts counts = read_counts(child, i);
		child->epochs[i].inherited_objects = counts.allocated_objects;
		child->epochs[i].inherited_bytes = counts.allocated_bytes;
	}
	child->header->is_forked = 1;
}

static bool copy_growing(struct ledger_header *to, const struct ledger *parent, const struct ledger_snapshot *snapshot)
{
	for (size_t i = 0; i < NUM(growing); i++) {
		enum ledger_region_number region = growing[i];
		uint64_t num_used = snapshot ? snapshot->num_used[region] : ledger_num_used(parent, region);
		if (!ledger_open_up(to, region, 0, num_used))
			return false;
		memcpy((char *)to + to->regions[region].offset, (const char *)parent->header + parent->header->regions[region].offset,
		       num_used * to->regions[region].element_bytes);
		set_used(to, region, num_used);
	}
	return true;
}

static bool copy_to(struct ledger *child, const struct ledger *parent, const struct ledger_snapshot *snapshot,
		    const struct storage *storage)
{
	const struct ledger_header *from = parent->header;
	int why_no_file;
	if (!ledger_create_in(child, storage, from->limit_bytes, from->rate_bytes, &why_no_file))
		return false;
	struct ledger_header *to = child->header;
	to->command_line = from->command_line;
	to->program = from->program;
	if (is_alike(to, from) && copy_growing(to, parent, snapshot) && (!snapshot || copy_tallies(to, snapshot)))
		return true;
	if (to->is_file)
		storage_remove(storage);
	ledger_destroy(child);
	return false;
}

bool ledger_copy(struct ledger *child, const struct ledger *parent, const struct ledger_snapshot *snapshot,
		 const struct storage *storage)
{
	// Where the disk is full, in memory.
	if (!copy_to(child, parent, snapshot, storage) &&
	    (!storage->directory || !copy_to(child, parent, snapshot, &(struct storage){ 0 })))
		return false;
	tree_rebuild(child);
	site_rebuild(child);
	tally_rebuild(child);
	block_rebuild(child);
	if (snapshot)
		note_inherited(child);
	return true;
}
