// SPDX-License-Identifier: Apache-2.0
/*
 * Tallies: what was allocated and freed at a site, by lane.
 *
 * INSIDE.  Who writes to a tally holds its lane, and writes by plain loads and stores: a line of cache that belongs
 * to one thread costs it nothing.  Readers need no lock either, see ledger/layout.h.
 */
#ifndef CAIRN_LEDGER_TALLIES_H
#define CAIRN_LEDGER_TALLIES_H

#include "ledger/writer.h"

// How far the live bytes of a heap that several threads use may be known too low or too high, for each thread but one:
// 1/4096 of the peak, and not less than 16 KiB.
#define TALLY_SLACK_SHIFT 12
#define TALLY_MIN_SLACK_BYTES 16384

// The tally of a lane in a site's list; 0 if there is none.
uint32_t tally_find(const struct ledger *ledger, uint32_t site, uint32_t lane);

// A new one, of a lane that has none there yet; 0 if there is no room.
uint32_t tally_add(struct ledger *ledger, uint32_t site, uint32_t lane);

// Enter an allocation of size_bytes that stands for weight (fixed point) like it.  Returns the live bytes of the whole
// heap afterwards, as far as this lane knows.
uint64_t tally_add_allocation(struct ledger_writer *writer, uint32_t tally, uint64_t size_bytes, uint64_t weight);

// Enter the freeing of what was entered by tally_add_allocation() in this or another lane, with the same numbers.
void tally_add_freeing(struct ledger_writer *writer, uint32_t tally, uint64_t size_bytes, uint64_t weight);

// Put every tally into its site's list again, after a copy.  Not for concurrent use.
void tally_rebuild(struct ledger *ledger);

#endif
