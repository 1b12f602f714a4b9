// SPDX-License-Identifier: Apache-2.0
/*
 * Copy: how a forked child comes to a ledger of its own, which starts as what its parent's was.
 *
 * The parent takes a snapshot of what changes (sites, blocks, totals) just before it forks, into
 * private memory that the child inherits.  What is only added to (strings, mappings, the call tree)
 * the child takes from the parent's ledger later, if it comes to need a ledger at all: most children
 * call exec first.
 *
 * INSIDE.  For one thread, while no other one changes the ledger.
 */
#ifndef CAIRN_LEDGER_COPY_H
#define CAIRN_LEDGER_COPY_H

#include "ledger/ledger.h"

struct ledger_snapshot {
	char *memory; // NULL: none
	size_t size_bytes;
	uint64_t num_used[LEDGER_NUM_REGIONS];
	struct ledger_header *header; // in memory
};

// False if there is no memory for it.
bool ledger_snapshot_init(struct ledger_snapshot *snapshot, const struct ledger *ledger);
void ledger_snapshot_deinit(struct ledger_snapshot *snapshot);

// A new ledger at storage with the parent's call tree and, if snapshot is not NULL, its tallies and blocks.
bool ledger_copy(struct ledger *child, const struct ledger *parent, const struct ledger_snapshot *snapshot,
		 const struct storage *storage);

#endif
