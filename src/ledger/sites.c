// SPDX-License-Identifier: Apache-2.0
// Sites.  INSIDE.
#include "ledger/sites.h"

#include "base/system.h"
#include "ledger/read.h"
#include "ledger/tallies.h"

// The site with that label between two of a node's list (to is not looked at); 0 if there is none.
static uint32_t find(const struct ledger *ledger, uint32_t from, uint32_t to, uint32_t label)
{
	// Pairs with the release in site_get().
	for (uint32_t i = from; i != to; i = atomic_load_explicit(&ledger->sites[i].next, memory_order_acquire))
		if (ledger->sites[i].label == label)
			return i;
	return 0;
}

uint32_t site_get(struct ledger *ledger, uint32_t node, uint32_t label, uint32_t lane)
{
	_Atomic uint32_t *sites = &ledger->nodes[node].sites;
	uint32_t head = atomic_load_explicit(sites, memory_order_acquire);
	uint32_t found = find(ledger, head, 0, label);
	if (found)
		return found;
	uint32_t added = ledger_add(ledger, LEDGER_SITES, 1);
	if (!added || !tally_add(ledger, added, lane))
		return LEDGER_SITE_FULL;
	ledger->sites[added].label = label;
	ledger->sites[added].node = node;
	for (;;) {
		uint32_t searched = head;
		atomic_store_explicit(&ledger->sites[added].next, head, memory_order_relaxed);
		// Release: whoever finds the site in the list sees the whole of it.
		if (atomic_compare_exchange_strong_explicit(sites, &head, added, memory_order_release, memory_order_acquire))
			return added;
		found = find(ledger, head, searched, label);
		if (found) { // another thread was faster: ours is given up
			ledger->sites[added].node = 0;
			return found;
		}
	}
}

void site_begin_epoch(struct ledger *ledger)
{
	for (uint32_t i = 1; i < ledger_num_used(ledger, LEDGER_SITES); i++) {
		struct ledger_site_epoch *epoch = &ledger->epochs[i];
		struct read_counts counts = read_counts(ledger, i);
		atomic_store_explicit(&epoch->allocated_objects, counts.allocated_objects, memory_order_relaxed);
		atomic_store_explicit(&epoch->allocated_bytes, counts.allocated_bytes, memory_order_relaxed);
	}
	struct ledger_header *header = ledger->header;
	atomic_store_explicit(&header->epoch_num_samples, read_all_samples(header), memory_order_relaxed);
	atomic_store_explicit(&header->epoch_time_ns, system_clock_ns(CLOCK_REALTIME), memory_order_relaxed);
}

void site_rebuild(struct ledger *ledger)
{
	for (uint32_t i = 1; i < ledger_num_used(ledger, LEDGER_NODES); i++)
		atomic_store_explicit(&ledger->nodes[i].sites, 0, memory_order_relaxed);
	for (uint32_t i = LEDGER_SITE_FULL; i < ledger_num_used(ledger, LEDGER_SITES); i++) {
		struct ledger_site *site = &ledger->sites[i];
		if (!site->node || site->node >= ledger_num_used(ledger, LEDGER_NODES))
			continue; // given up
		_Atomic uint32_t *sites = &ledger->nodes[site->node].sites;
		atomic_store_explicit(&site->next, atomic_load_explicit(sites, memory_order_relaxed), memory_order_relaxed);
		atomic_store_explicit(sites, i, memory_order_relaxed);
	}
}
