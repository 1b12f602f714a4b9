// SPDX-License-Identifier: Apache-2.0
/*
 * Reading a ledger while its program runs, or after it is gone.
 *
 * BOTH worlds.  What is read is not trusted: a damaged ledger gives a refusal or fewer sites, never a
 * wild access or an endless loop.  Nothing is written, no memory is allocated.
 */
#ifndef CAIRN_LEDGER_READ_H
#define CAIRN_LEDGER_READ_H

#include "ledger/ledger.h"

// Check the header of a ledger of size_bytes at memory and attach to it.  NULL if it is sound, else
// what is wrong with it.
const char *ledger_open(struct ledger *ledger, void *memory, size_t size_bytes);

// How many elements of a region may be looked at, number 0 included.
uint32_t read_num(const struct ledger *ledger, enum ledger_region_number region);

// The cumulative counts of a site, all lanes together, fixed point.
struct read_counts {
	uint64_t allocated_objects, allocated_bytes, freed_objects, freed_bytes;
};
struct read_counts read_counts(const struct ledger *ledger, uint32_t site);

// Of all lanes: live bytes of the heap (fixed point), and allocations recorded since the start.
uint64_t read_live_bytes(const struct ledger_header *header);
uint64_t read_all_samples(const struct ledger_header *header);

// Time spent inside cairn, dumps included, in ticks.
uint64_t read_own_ticks(const struct ledger_header *header);

// True if the table of epochs has been written: there was a second epoch, or there is a parent.  Reading a table that was
// never written would give it memory.
bool read_has_epochs(const struct ledger_header *header);

// The tallies of one site, or of all together.  Objects and bytes are rounded to whole ones.
struct tally {
	uint64_t allocated_objects; // in this epoch
	uint64_t allocated_bytes;
	uint64_t inherited_objects; // of these: allocated by the parent before it forked
	uint64_t inherited_bytes;
	uint64_t live_objects; // now
	uint64_t live_bytes;
	uint64_t peak_objects; // at the moment of the peak
	uint64_t peak_bytes;
	// Squared standard errors, 0 in exact mode.
	double live_objects_variance;
	double live_bytes_variance;
	double peak_bytes_variance;
	double allocated_objects_variance; // since the start, as the next
	double allocated_bytes_variance;
	double freed_bytes_variance;
};

// The tallies of site number, 1 <= number < read_num(LEDGER_SITES).  False if there is none.
bool read_site(const struct ledger *ledger, uint32_t number, struct tally *tally);

// The sum of all sites.
void read_total(const struct ledger *ledger, struct tally *total);

// The frames of a site from the leaf to the root, at most max_frames: how many.
size_t read_stack(const struct ledger *ledger, uint32_t site, uint32_t *frames, size_t max_frames);

// False if there is no such frame or mapping.
bool read_frame(const struct ledger *ledger, uint32_t number, uint32_t *mapping, uint64_t *address);
const struct ledger_mapping *read_mapping(const struct ledger *ledger, uint32_t number);

// "" if it is none.
const char *read_string(const struct ledger *ledger, uint32_t offset);

// Allocations recorded in this epoch.
uint64_t read_num_samples(const struct ledger *ledger);

// True if tallies are estimates; false if every allocation was recorded.
bool read_is_estimate(const struct ledger *ledger);

// Events that are missing in the tallies or have lost their stack, all kinds together.
uint64_t read_num_lost(const struct ledger *ledger);

// The frequency of the ledger's ticks as the program last measured it; 0: not known yet.
double read_ticks_per_ns(const struct ledger *ledger);

// The largest live bytes so far.
uint64_t read_peak_bytes(const struct ledger *ledger);

#endif
