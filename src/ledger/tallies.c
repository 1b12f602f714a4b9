// SPDX-License-Identifier: Apache-2.0
/*
 * Tallies.  INSIDE.
 *
 * The peak.  The heap is at a maximum just before it begins to fall, so the first freeing after a new
 * maximum gives the peak a new number.  A tally keeps its live numbers under that number when it is
 * next touched, before the touch changes them: until then they are what they were at the peak.  That
 * is O(1) for each event and needs no copy.
 *
 * How large the heap is nobody knows exactly while several threads change it: each lane adds what it allocated and
 * freed to the header's live_bytes only when that comes to more than a slack.  A lane takes what the header says and what
 * it has not added itself.  With one lane that is the truth, and the peak is exact.  (The only lane adds, too: another one
 * may begin at any moment, and this one have no event from then on.)  With n lanes it is wrong by less
 * than n - 1 times the slack, and a new maximum is only noted if it is a quarter of the slack above the last, so
 * that a growing heap is not an event for all threads.  What is kept is a true state of the heap even then, up to
 * events that other threads have under way, but it may be lower than the largest one by n times the slack.
 */
#include "ledger/tallies.h"

#include <string.h>

#include "base/system.h"
#include "ledger/read.h"

static uint64_t get(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void set(_Atomic uint64_t *counter, uint64_t value)
{
	atomic_store_explicit(counter, value, memory_order_relaxed);
}

// For what only the holder of a lane writes.
static void add(_Atomic uint64_t *counter, uint64_t amount)
{
	set(counter, get(counter) + amount);
}

static double as_double(uint64_t bits)
{
	double value;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

static uint64_t as_bits(double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static void add_double(_Atomic uint64_t *bits, double amount)
{
	set(bits, as_bits(as_double(get(bits)) + amount));
}

uint32_t tally_find(const struct ledger *ledger, uint32_t site, uint32_t lane)
{
	// Pairs with the release in tally_add().
	uint32_t tally = atomic_load_explicit(&ledger->sites[site].tallies, memory_order_acquire);
	while (tally && ledger->tallies[tally].lane != lane)
		tally = atomic_load_explicit(&ledger->tallies[tally].next, memory_order_acquire);
	return tally;
}

uint32_t tally_add(struct ledger *ledger, uint32_t site, uint32_t lane)
{
	uint32_t added = ledger_add(ledger, LEDGER_TALLIES, 1);
	if (!added)
		return 0;
	struct ledger_tally *tally = &ledger->tallies[added];
	_Atomic uint32_t *tallies = &ledger->sites[site].tallies;
	uint32_t head = atomic_load_explicit(tallies, memory_order_relaxed);
	tally->site = site;
	tally->lane = lane;
	do
		atomic_store_explicit(&tally->next, head, memory_order_relaxed);
	// Release: whoever finds the tally in the list sees the whole of it.
	while (!atomic_compare_exchange_weak_explicit(tallies, &head, added, memory_order_release, memory_order_relaxed));
	return added;
}

// Keep the live numbers of a tally if there was a peak since it was last touched.
static void keep_peak(struct ledger *ledger, uint32_t number)
{
	struct ledger_tally *tally = &ledger->tallies[number];
	// Pairs with the release in note_new_peak().
	uint32_t peak = atomic_load_explicit(&ledger->header->peak_number, memory_order_acquire);
	if (__builtin_expect(atomic_load_explicit(&tally->peak_seen, memory_order_relaxed) == peak, 1))
		return;
	set(&tally->peak_objects, get(&tally->allocated_objects) - get(&tally->freed_objects));
	set(&tally->peak_bytes, get(&tally->allocated_bytes) - get(&tally->freed_bytes));
	if (atomic_load_explicit(&ledger->header->is_estimate, memory_order_relaxed)) {
		struct ledger_tally_errors *errors = &ledger->errors[number];
		set(&errors->peak_bytes_variance, as_bits(as_double(get(&errors->allocated_bytes_variance)) -
							  as_double(get(&errors->freed_bytes_variance))));
	}
	// Pairs with the acquire in the reader.
	atomic_store_explicit(&tally->peak_seen, peak, memory_order_release);
}

// How much a lane may know more than the header says.
static uint64_t slack(const struct ledger_header *header)
{
	uint64_t share = get(&header->peak_bytes) >> TALLY_SLACK_SHIFT, least = TALLY_MIN_SLACK_BYTES << LEDGER_FRACTION_BITS;
	return share > least ? share : least;
}

static uint64_t pending_bytes(const struct ledger_lane *lane)
{
	return get(&lane->live_bytes) - get(&lane->flushed_bytes);
}

static uint64_t known_live_bytes(const struct ledger_header *header, const struct ledger_lane *lane)
{
	return get(&header->live_bytes) + pending_bytes(lane);
}

// Where there is one lane every maximum counts.
static bool is_new_peak(const struct ledger_header *header, uint64_t live, uint64_t estimate)
{
	return (int64_t)(live - estimate) > 0 &&
	       (atomic_load_explicit(&header->num_lanes, memory_order_relaxed) <= 1 || live - estimate > slack(header) / 4);
}

// A maximum: number and time.  Of several threads that come to one at once one notes it.  The number comes first, before
// anything can be freed: if this thread is put to sleep behind it, the next one that frees notes the maximum again.
static __attribute__((noinline)) void note_new_peak(struct ledger_header *header, const struct ledger_lane *lane)
{
	// Before all else (acquire): if the heap falls from a maximum while we look at it, this is not the number any more.
	uint32_t number = atomic_load_explicit(&header->peak_number, memory_order_acquire);
	uint64_t estimate = get(&header->peak_estimate), before = get(&header->peak_bytes);
	uint64_t live = known_live_bytes(header, lane), bytes = read_live_bytes(header);
	// Release: pairs with the acquire in keep_peak().  If another thread was faster its peak is newer.
	if (!is_new_peak(header, live, estimate) ||
	    !atomic_compare_exchange_strong_explicit(&header->peak_number, &number, number + 1, memory_order_release,
						     memory_order_relaxed))
		return;
	// Another thread that has changed these meanwhile knew of a later maximum.
	if (atomic_compare_exchange_strong_explicit(&header->peak_bytes, &before, bytes, memory_order_relaxed, memory_order_relaxed))
		set(&header->peak_ticks, system_ticks());
	atomic_compare_exchange_strong_explicit(&header->peak_estimate, &estimate, live, memory_order_relaxed, memory_order_relaxed);
}

// Called before the heap falls.
static void note_peak(struct ledger_header *header, const struct ledger_lane *lane)
{
	if (__builtin_expect(is_new_peak(header, known_live_bytes(header, lane), get(&header->peak_estimate)), 0))
		note_new_peak(header, lane);
}

// The live bytes of a lane change by so much, which may be less than 0 (modulo 2^64).  Returns those of the heap.
static uint64_t add_live(struct ledger_header *header, struct ledger_lane *lane, uint64_t bytes)
{
	add(&lane->live_bytes, bytes);
	uint64_t pending = pending_bytes(lane), limit = slack(header);
	if (__builtin_expect(pending + limit > 2 * limit, 0)) {
		set(&lane->flushed_bytes, get(&lane->live_bytes));
		return atomic_fetch_add_explicit(&header->live_bytes, pending, memory_order_relaxed) + pending;
	}
	return get(&header->live_bytes) + pending;
}

// The variance that one sample adds to an estimate: w (w - 1), times the square of what it counts.
// (Horvitz and Thompson's estimator of their own variance, for independent choices.)
static double variance_of(uint64_t weight)
{
	double w = (double)weight / LEDGER_ONE;
	return w * (w - 1);
}

static void add_allocation_errors(struct ledger_header *header, struct ledger_tally_errors *errors, uint64_t size_bytes, uint64_t weight)
{
	double size = (double)size_bytes, variance = variance_of(weight);
	if (!atomic_load_explicit(&header->is_estimate, memory_order_relaxed))
		atomic_store_explicit(&header->is_estimate, 1, memory_order_relaxed);
	add_double(&errors->allocated_objects_variance, variance);
	add_double(&errors->allocated_bytes_variance, variance * size * size);
}

static void add_freeing_errors(struct ledger_tally_errors *errors, uint64_t size_bytes, uint64_t weight)
{
	double size = (double)size_bytes, variance = variance_of(weight);
	add_double(&errors->freed_objects_variance, variance);
	add_double(&errors->freed_bytes_variance, variance * size * size);
}

uint64_t tally_add_allocation(struct ledger_writer *writer, uint32_t number, uint64_t size_bytes, uint64_t weight)
{
	struct ledger *ledger = writer->ledger;
	struct ledger_lane *lane = &ledger->header->lanes[writer->lane];
	struct ledger_tally *tally = &ledger->tallies[number];
	keep_peak(ledger, number);
	add(&tally->allocated_objects, weight);
	add(&tally->allocated_bytes, weight * size_bytes);
	if (weight != LEDGER_ONE)
		add_allocation_errors(ledger->header, &ledger->errors[number], size_bytes, weight);
	add(&lane->num_samples, 1);
	return add_live(ledger->header, lane, weight * size_bytes);
}

void tally_add_freeing(struct ledger_writer *writer, uint32_t number, uint64_t size_bytes, uint64_t weight)
{
	struct ledger *ledger = writer->ledger;
	struct ledger_lane *lane = &ledger->header->lanes[writer->lane];
	struct ledger_tally *tally = &ledger->tallies[number];
	note_peak(ledger->header, lane);
	keep_peak(ledger, number);
	// Release: whoever sees the freeing sees the allocation that came before it (read.c).
	atomic_store_explicit(&tally->freed_objects, get(&tally->freed_objects) + weight, memory_order_release);
	atomic_store_explicit(&tally->freed_bytes, get(&tally->freed_bytes) + weight * size_bytes, memory_order_release);
	if (weight != LEDGER_ONE)
		add_freeing_errors(&ledger->errors[number], size_bytes, weight);
	add_live(ledger->header, lane, -(weight * size_bytes));
}

void tally_rebuild(struct ledger *ledger)
{
	uint32_t num_sites = (uint32_t)ledger_num_used(ledger, LEDGER_SITES);
	for (uint32_t i = 0; i < num_sites; i++)
		atomic_store_explicit(&ledger->sites[i].tallies, 0, memory_order_relaxed);
	for (uint32_t i = 1; i < ledger_num_used(ledger, LEDGER_TALLIES); i++) {
		struct ledger_tally *tally = &ledger->tallies[i];
		if (!tally->site || tally->site >= num_sites)
			continue; // of a site that the copy does not have
		_Atomic uint32_t *tallies = &ledger->sites[tally->site].tallies;
		atomic_store_explicit(&tally->next, atomic_load_explicit(tallies, memory_order_relaxed), memory_order_relaxed);
		atomic_store_explicit(tallies, i, memory_order_relaxed);
	}
}
