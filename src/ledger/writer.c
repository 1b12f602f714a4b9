// SPDX-License-Identifier: Apache-2.0
// Writer: a lane's tallies by site.  INSIDE.
#include "ledger/writer.h"

#include <string.h>

#include "base/system.h"
#include "ledger/blocks.h"
#include "ledger/tallies.h"

#define MIN_KNOWN 1024

void ledger_writer_init(struct ledger_writer *writer, struct ledger *ledger, uint32_t lane)
{
	_Atomic uint32_t *num_lanes = &ledger->header->num_lanes;
	uint32_t num = atomic_load_explicit(num_lanes, memory_order_relaxed);
	// Sequentially consistent: who closes the gate (shim/profiler.c) looks at as many lanes.
	while (num <= lane && !atomic_compare_exchange_weak(num_lanes, &num, lane + 1))
		;
	*writer = (struct ledger_writer){ .lane = lane };
	// If we are left in the middle it is as if nothing had been done.
	atomic_signal_fence(memory_order_seq_cst);
	writer->ledger = ledger;
}

void ledger_writer_deinit(struct ledger_writer *writer)
{
	system_unmap(writer->tallies, writer->num_known * sizeof(*writer->tallies));
	*writer = (struct ledger_writer){ 0 };
}

void ledger_writer_mend(struct ledger_writer *writer)
{
	// The chain is whole at each instant.  Release: as whoever had the lock would have given it back (blocks.c).
	if (writer->locked)
		atomic_fetch_and_explicit(writer->locked, ~BLOCK_LOCK, memory_order_release);
	writer->locked = NULL;
	writer->loose = writer->spare = (struct block_list){ 0 };
	writer->fresh_next = writer->fresh_limit = 0;
}

// Room for a site's number.  False if there is no memory: then each tally is looked for in its site's list.
static bool make_room(struct ledger_writer *writer, uint32_t site)
{
	uint32_t num = writer->num_known ? writer->num_known : MIN_KNOWN;
	while (num <= site)
		num *= 2;
	if (num == writer->num_known)
		return true;
	uint32_t *tallies = system_map(num * sizeof(*tallies)), *before = writer->tallies, num_before = writer->num_known;
	if (!tallies)
		return false;
	if (before)
		memcpy(tallies, before, num_before * sizeof(*tallies));
	// If we are left in the middle, what the writer has is there, and as long as it says.
	writer->tallies = tallies;
	atomic_signal_fence(memory_order_seq_cst);
	writer->num_known = num;
	atomic_signal_fence(memory_order_seq_cst);
	system_unmap(before, num_before * sizeof(*tallies));
	return true;
}

uint32_t ledger_writer_find_tally(struct ledger_writer *writer, uint32_t site)
{
	uint32_t tally = tally_find(writer->ledger, site, writer->lane);
	if (!tally)
		tally = tally_add(writer->ledger, site, writer->lane);
	if (tally && make_room(writer, site))
		writer->tallies[site] = tally;
	return tally;
}
