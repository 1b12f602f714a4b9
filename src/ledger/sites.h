// SPDX-License-Identifier: Apache-2.0
/*
 * Sites: a call stack that allocates, and its tallies.
 *
 * INSIDE, any number of threads at once; lock-free.
 */
#ifndef CAIRN_LEDGER_SITES_H
#define CAIRN_LEDGER_SITES_H

#include "ledger/ledger.h"

// The site of a node of the call tree (with a label set, 0: none); LEDGER_SITE_FULL if there is no room.
uint32_t site_get(struct ledger *ledger, uint32_t node, uint32_t label);

// Enter an allocation of size_bytes that stands for weight (fixed point) like it.  Returns the live
// bytes of the whole heap afterwards.
uint64_t site_add_allocation(struct ledger *ledger, uint32_t site, uint64_t size_bytes, uint64_t weight);

// Enter the freeing of what site_add_allocation() entered, with the same numbers.
void site_add_freeing(struct ledger *ledger, uint32_t site, uint64_t size_bytes, uint64_t weight);

// Begin a new epoch: cumulative tallies are counted from now on.
void site_begin_epoch(struct ledger *ledger);

// Put every site into its bucket again, after a copy.  Not for concurrent use.
void site_rebuild(struct ledger *ledger);

#endif
