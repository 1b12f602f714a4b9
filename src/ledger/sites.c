// SPDX-License-Identifier: Apache-2.0
/*
 * Sites and their tallies.  INSIDE.
 *
 * The peak.  The heap is at a maximum just before it begins to fall, so the first freeing after a new
 * maximum gives the peak a new number.  A site keeps its live tallies under that number when it is
 * next touched, before the touch changes them: until then they are what they were at the peak.  That
 * is O(1) for each event, needs no copy and is exact, save for events that other threads have under
 * way at the moment of the peak, each of which may be seen on either side of it.
 */
#include "ledger/sites.h"

#include <string.h>

#include "base/system.h"
#include "ledger/chain.h"

static _Atomic uint32_t *site_next(const struct ledger *ledger, uint32_t index)
{
	return &ledger->sites[index].next;
}

static struct chain_key site_key(const struct ledger *ledger, uint32_t index)
{
	return (struct chain_key){ ledger->sites[index].node, ledger->sites[index].label };
}

static void fill_site(struct ledger *ledger, uint32_t index, struct chain_key key)
{
	ledger->sites[index].node = (uint32_t)key.first;
	ledger->sites[index].label = key.second;
}

static const struct chain_kind site_kind = { LEDGER_SITES, LEDGER_SITE_BUCKETS, site_next, site_key, fill_site };

uint32_t site_get(struct ledger *ledger, uint32_t node, uint32_t label)
{
	uint32_t site = chain_get(ledger, &site_kind, (struct chain_key){ node, label });
	return site ? site : LEDGER_SITE_FULL;
}

static uint64_t get(_Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static uint64_t add(_Atomic uint64_t *counter, uint64_t amount)
{
	return atomic_fetch_add_explicit(counter, amount, memory_order_relaxed) + amount;
}

static double get_double(_Atomic uint64_t *bits)
{
	uint64_t raw = get(bits);
	double value;
	memcpy(&value, &raw, sizeof(value));
	return value;
}

static void keep_peak_variance(struct ledger_site_errors *errors)
{
	double live = get_double(&errors->allocated_bytes_variance) - get_double(&errors->freed_bytes_variance);
	uint64_t raw;
	live = live > 0 ? live : 0;
	memcpy(&raw, &live, sizeof(raw));
	atomic_store_explicit(&errors->peak_bytes_variance, raw, memory_order_relaxed);
}

// Keep the live tallies of a site if there was a peak since it was last touched.
static void keep_peak(struct ledger *ledger, uint32_t site_number)
{
	struct ledger_site *site = &ledger->sites[site_number];
	// Pairs with the release in note_peak().
	uint32_t number = atomic_load_explicit(&ledger->header->peak_number, memory_order_acquire);
	uint32_t seen = atomic_load_explicit(&site->peak_seen, memory_order_acquire);
	if (seen == number)
		return;
	if (!(seen & LEDGER_PEAK_BUSY) &&
	    atomic_compare_exchange_strong_explicit(&site->peak_seen, &seen, number | LEDGER_PEAK_BUSY,
						    memory_order_acquire, memory_order_acquire)) {
		atomic_store_explicit(&site->peak_objects, get(&site->allocated_objects) - get(&site->freed_objects),
				      memory_order_relaxed);
		atomic_store_explicit(&site->peak_bytes, get(&site->allocated_bytes) - get(&site->freed_bytes),
				      memory_order_relaxed);
		if (atomic_load_explicit(&ledger->header->is_estimate, memory_order_relaxed))
			keep_peak_variance(&ledger->errors[site_number]);
		// Pairs with the acquire loads of peak_seen here and in the reader.
		atomic_store_explicit(&site->peak_seen, number, memory_order_release);
		return;
	}
	// Another thread is at it: a few instructions, unless it was put to sleep among them.
	for (int i = 0; i < 1000 && atomic_load_explicit(&site->peak_seen, memory_order_acquire) & LEDGER_PEAK_BUSY; i++)
		i % 100 == 99 ? system_yield() : system_relax();
}

// Called before the heap falls.
static void note_peak(struct ledger_header *header)
{
	uint32_t number = atomic_load_explicit(&header->peak_number, memory_order_acquire);
	// In this order: what is freed in between makes live too small, never too large.
	uint64_t allocated = atomic_load_explicit(&header->allocated_bytes, memory_order_acquire);
	uint64_t live = allocated - get(&header->freed_bytes);
	uint64_t peak = get(&header->peak_bytes);
	if ((int64_t)live < 0 || live <= peak)
		return;
	if (!atomic_compare_exchange_strong_explicit(&header->peak_bytes, &peak, live, memory_order_relaxed,
						     memory_order_relaxed))
		return; // another thread has just noted it
	atomic_store_explicit(&header->peak_ticks, system_ticks(), memory_order_relaxed);
	// Pairs with the acquire in keep_peak().  If another thread was faster its peak is newer.
	atomic_compare_exchange_strong_explicit(&header->peak_number, &number, (number + 1) & ~LEDGER_PEAK_BUSY,
						memory_order_release, memory_order_relaxed);
}

static void add_double(_Atomic uint64_t *bits, double amount)
{
	uint64_t before = get(bits), after;
	do {
		double value;
		memcpy(&value, &before, sizeof(value));
		value += amount;
		memcpy(&after, &value, sizeof(after));
	} while (!atomic_compare_exchange_weak_explicit(bits, &before, after, memory_order_relaxed,
							memory_order_relaxed));
}

// The variance that one sample adds to an estimate: w (w - 1), times the square of what it counts.
// (Horvitz and Thompson's estimator of their own variance, for independent choices.)
static double variance_of(uint64_t weight)
{
	double w = (double)weight / LEDGER_ONE;
	return w * (w - 1);
}

uint64_t site_add_allocation(struct ledger *ledger, uint32_t number, uint64_t size_bytes, uint64_t weight)
{
	struct ledger_header *header = ledger->header;
	struct ledger_site *site = &ledger->sites[number];
	keep_peak(ledger, number);
	add(&site->allocated_objects, weight);
	add(&site->allocated_bytes, weight * size_bytes);
	if (weight != LEDGER_ONE) {
		struct ledger_site_errors *errors = &ledger->errors[number];
		double size = (double)size_bytes, variance = variance_of(weight);
		if (!atomic_load_explicit(&header->is_estimate, memory_order_relaxed))
			atomic_store_explicit(&header->is_estimate, 1, memory_order_relaxed);
		add_double(&errors->allocated_objects_variance, variance);
		add_double(&errors->allocated_bytes_variance, variance * size * size);
	}
	add(&header->num_samples, 1);
	add(&header->allocated_objects, weight);
	return add(&header->allocated_bytes, weight * size_bytes) - get(&header->freed_bytes);
}

void site_add_freeing(struct ledger *ledger, uint32_t number, uint64_t size_bytes, uint64_t weight)
{
	struct ledger_header *header = ledger->header;
	struct ledger_site *site = &ledger->sites[number];
	note_peak(header);
	keep_peak(ledger, number);
	// Release: whoever sees the freeing sees the allocation that came before it (read.c).
	atomic_fetch_add_explicit(&site->freed_objects, weight, memory_order_release);
	atomic_fetch_add_explicit(&site->freed_bytes, weight * size_bytes, memory_order_release);
	if (weight != LEDGER_ONE) {
		struct ledger_site_errors *errors = &ledger->errors[number];
		double size = (double)size_bytes, variance = variance_of(weight);
		add_double(&errors->freed_objects_variance, variance);
		add_double(&errors->freed_bytes_variance, variance * size * size);
	}
	add(&header->freed_objects, weight);
	add(&header->freed_bytes, weight * size_bytes);
}

void site_begin_epoch(struct ledger *ledger)
{
	for (uint32_t i = 1; i < ledger_num_used(ledger, LEDGER_SITES); i++) {
		struct ledger_site *site = &ledger->sites[i];
		struct ledger_site_epoch *epoch = &ledger->epochs[i];
		atomic_store_explicit(&epoch->allocated_objects, get(&site->allocated_objects), memory_order_relaxed);
		atomic_store_explicit(&epoch->allocated_bytes, get(&site->allocated_bytes), memory_order_relaxed);
	}
	atomic_store_explicit(&ledger->header->epoch_num_samples, get(&ledger->header->num_samples), memory_order_relaxed);
	atomic_store_explicit(&ledger->header->epoch_time_ns, system_clock_ns(CLOCK_REALTIME), memory_order_relaxed);
}

void site_rebuild(struct ledger *ledger)
{
	for (uint32_t i = LEDGER_SITE_FULL; i < ledger_num_used(ledger, LEDGER_SITES); i++)
		atomic_fetch_and_explicit(&ledger->sites[i].peak_seen, ~LEDGER_PEAK_BUSY, memory_order_relaxed);
	chain_rebuild(ledger, &site_kind, LEDGER_SITE_FULL + 1);
}
