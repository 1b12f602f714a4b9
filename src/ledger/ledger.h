// SPDX-License-Identifier: Apache-2.0
/*
 * Ledger: the tallies of one process (layout.h), as its writers hold them.
 *
 * INSIDE, except ledger_close() and the ledger_at_*() functions.  All functions may be called by any
 * number of threads at once and from signal handlers: no malloc, no lock that could be waited for
 * without bound, no change of errno.
 */
#ifndef CAIRN_LEDGER_LEDGER_H
#define CAIRN_LEDGER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ledger/layout.h"
#include "ledger/storage.h"

#define LEDGER_MIN_LIMIT_BYTES (UINT64_C(1) << 20)
#define LEDGER_MAX_LIMIT_BYTES (UINT64_C(32) << 30)

// The mapping and where its regions are.  Owned by the caller; constant once created.
struct ledger {
	struct ledger_header *header; // start of the mapping; NULL: no ledger
	char *strings;
	struct ledger_mapping *mappings;
	struct ledger_frame *frames;
	struct ledger_node *nodes;
	struct ledger_site *sites;
	struct ledger_site_epoch *epochs; // of sites
	struct ledger_tally *tallies;
	struct ledger_tally_errors *errors; // of tallies
	struct ledger_block *blocks;
	_Atomic uint32_t *frame_buckets;
	_Atomic uint32_t *node_buckets;
	_Atomic uint32_t *block_buckets;
	uint64_t num_block_buckets;
};

// A new, empty ledger whose resident memory stays below limit_bytes (clamped to what is allowed, and
// halved as long as the system does not give the address space).  False if there is no memory.
bool ledger_create(struct ledger *ledger, uint64_t limit_bytes, uint64_t rate_bytes);
// The same in a file where storage names a directory; in memory if that cannot be, and then *why_no_file is an
// errno value, else 0.
bool ledger_create_in(struct ledger *ledger, const struct storage *storage, uint64_t limit_bytes, uint64_t rate_bytes,
		      int *why_no_file);
// Forget the mapping.  A file stays.
void ledger_destroy(struct ledger *ledger);

// In a forked child: put a private copy in the place of the shared mapping, for an event of the parent's
// that goes on in the child.  If there is no memory for it the mapping stays.
void ledger_make_private(struct ledger *ledger);

// Make elements of a region accessible up to limit, and of the regions parallel to it; those from the number from
// on are to be written, the ones below were opened up before.  False: the disk is full.
bool ledger_open_up(struct ledger_header *header, enum ledger_region_number region, uint64_t from, uint64_t limit);

// Set the pointers from the header, which must have been checked or made here.
void ledger_attach(struct ledger *ledger, struct ledger_header *header);

// Take a new element of a region: its index, or 0 when the region or the memory limit is exhausted.
uint32_t ledger_add(struct ledger *ledger, enum ledger_region_number region, uint32_t num_elements);

// Keep a string; 0 when it is empty or finds no room.
uint32_t ledger_add_string(struct ledger *ledger, const char *string);

static inline uint64_t ledger_num_used(const struct ledger *ledger, enum ledger_region_number region)
{
	// Acquire: pairs with the release in ledger_add().  Whoever sees an element counted sees all that
	// its maker had done before: the nodes of a site, the frames of a node.
	return atomic_load_explicit(&ledger->header->regions[region].num_used, memory_order_acquire);
}

// A count, orders nothing.
static inline void ledger_count(struct ledger *ledger, enum ledger_counter counter, uint64_t amount)
{
	atomic_fetch_add_explicit(&ledger->header->counters[counter], amount, memory_order_relaxed);
}

static inline uint64_t ledger_get_count(const struct ledger *ledger, enum ledger_counter counter)
{
	return atomic_load_explicit(&ledger->header->counters[counter], memory_order_relaxed);
}

// The region that a parallel one is as long as; any other one itself.
static inline enum ledger_region_number ledger_counted_by(enum ledger_region_number region)
{
	return region == LEDGER_SITE_EPOCHS ? LEDGER_SITES : region == LEDGER_TALLY_ERRORS ? LEDGER_TALLIES : region;
}

// Spread a key over num_buckets (a power of 2); multiplicative hashing, Knuth vol. 3, 6.4.
static inline uint32_t ledger_hash(uint64_t key, uint64_t num_buckets)
{
	uint64_t mixed = (key ^ key >> 32) * UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)((mixed ^ mixed >> 29) >> 16 & (num_buckets - 1));
}

#endif
