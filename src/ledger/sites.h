// SPDX-License-Identifier: Apache-2.0
/*
 * Sites: the call stacks that allocate.
 *
 * INSIDE, any number of threads at once; lock-free.
 */
#ifndef CAIRN_LEDGER_SITES_H
#define CAIRN_LEDGER_SITES_H

#include "ledger/ledger.h"

// The site of a node of the call tree (with a label set, 0: none), which has a tally at least, of lane where it is new;
// LEDGER_SITE_FULL if there is no room.
uint32_t site_get(struct ledger *ledger, uint32_t node, uint32_t label, uint32_t lane);

// The same for no label, mostly without a call.
static inline uint32_t site_get_unlabelled(struct ledger *ledger, uint32_t node, uint32_t lane)
{
	// Pairs with the release in site_get().
	uint32_t first = atomic_load_explicit(&ledger->nodes[node].sites, memory_order_acquire);
	return first && !ledger->sites[first].label ? first : site_get(ledger, node, 0, lane);
}

// Begin a new epoch: cumulative tallies are counted from now on.
void site_begin_epoch(struct ledger *ledger);

// Put every site into its node's list again, after a copy.  Not for concurrent use.
void site_rebuild(struct ledger *ledger);

#endif
