// SPDX-License-Identifier: Apache-2.0
/*
 * Writer: what one thread at a time needs to write to the ledger without meeting others.
 *
 * What is counted at every event belongs to a lane of the ledger, and a writer is what goes with a lane but is of no
 * use to readers: where its tallies are, and blocks of the table that wait to be used.  So an event writes to memory
 * that no other thread writes to, save the chain of a block and, now and then, the totals of the heap.
 *
 * INSIDE.  One thread at a time for each writer, and one writer for each lane.
 */
#ifndef CAIRN_LEDGER_WRITER_H
#define CAIRN_LEDGER_WRITER_H

#include "ledger/ledger.h"

// A list of unused blocks, linked by next.
struct block_list {
	uint32_t first;
	uint32_t num_blocks;
};

struct ledger_writer {
	struct ledger *ledger;
	uint32_t lane;
	uint32_t num_known;      // elements of tallies
	uint32_t *tallies;       // of this lane, by site; 0: not looked for yet
	struct block_list loose; // fewer than a batch
	struct block_list spare; // a batch, or nothing
	uint32_t fresh_next, fresh_limit; // numbers of blocks that were never used
	_Atomic uint32_t *locked; // bucket of blocks whose lock it has; NULL: none
};

// Zeroed before, or after ledger_writer_deinit().
void ledger_writer_init(struct ledger_writer *writer, struct ledger *ledger, uint32_t lane);

// Forget everything, for another ledger.  Unused blocks are not given back.
void ledger_writer_deinit(struct ledger_writer *writer);

// After it was left in the middle of anything: take new blocks from now on, since what is kept of unused ones may be
// damaged, and give back the lock of a bucket.
void ledger_writer_mend(struct ledger_writer *writer);

// This lane's tally of a site; 0 if there is none and no room for one.
uint32_t ledger_writer_find_tally(struct ledger_writer *writer, uint32_t site);

// The same, mostly without a call.
static inline uint32_t ledger_writer_tally(struct ledger_writer *writer, uint32_t site)
{
	uint32_t tally = site < writer->num_known ? writer->tallies[site] : 0;
	return tally ? tally : ledger_writer_find_tally(writer, site);
}

#endif
