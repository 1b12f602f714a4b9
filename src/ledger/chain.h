// SPDX-License-Identifier: Apache-2.0
/*
 * Chains: the hash tables of what a ledger only ever adds to (frames, nodes).
 *
 * An element is put at the head of its bucket's chain by compare-and-swap.  The release of that swap pairs
 * with the acquire load of the head and, further down, with that of next, which was a head when it was
 * read.  Two threads may add the same element at once: the one that comes second sees the other's when it
 * looks again, and leaves its own unused.
 *
 * That an element is in its chain is noted in its next, for who comes to it otherwise: one that is given up is not.
 *
 * INSIDE, any number of threads at once; lock-free.  The functions are inlined with a constant kind, so the
 * kind's functions cost no call.
 */
#ifndef CAIRN_LEDGER_CHAIN_H
#define CAIRN_LEDGER_CHAIN_H

#include "ledger/ledger.h"

// What an element is found by.
struct chain_key {
	uint64_t first;
	uint32_t second;
};

struct chain_kind {
	enum ledger_region_number elements, buckets;
	_Atomic uint32_t *(*next)(const struct ledger *ledger, uint32_t index);
	struct chain_key (*key)(const struct ledger *ledger, uint32_t index);
	void (*fill)(struct ledger *ledger, uint32_t index, struct chain_key key);
	uint32_t (*hash)(struct chain_key key, uint64_t num_buckets);
};

#define CHAIN_ADDED UINT32_C(0x80000000) // in next; indexes have 31 bits

#define CHAIN_INLINE static inline __attribute__((always_inline))

CHAIN_INLINE _Atomic uint32_t *chain_bucket(struct ledger *ledger, const struct chain_kind *kind, struct chain_key key)
{
	const struct ledger_region *region = &ledger->header->regions[kind->buckets];
	_Atomic uint32_t *buckets = (_Atomic uint32_t *)((char *)ledger->header + region->offset);
	return &buckets[kind->hash(key, region->capacity)];
}

// The element with that key between two of a chain (to is not looked at); 0 if there is none.
CHAIN_INLINE uint32_t chain_find(struct ledger *ledger, const struct chain_kind *kind, uint32_t from, uint32_t to,
				 struct chain_key key)
{
	for (uint32_t i = from; i != to; i = atomic_load_explicit(kind->next(ledger, i), memory_order_acquire) & ~CHAIN_ADDED) {
		struct chain_key found = kind->key(ledger, i);
		if (found.first == key.first && found.second == key.second)
			return i;
	}
	return 0;
}

// True if an element that is in use has that key and is the one that chain_get() returns for it.
CHAIN_INLINE bool chain_has(struct ledger *ledger, const struct chain_kind *kind, uint32_t index, struct chain_key key)
{
	// Pairs with the release in chain_get().
	if (!(atomic_load_explicit(kind->next(ledger, index), memory_order_acquire) & CHAIN_ADDED))
		return false;
	struct chain_key found = kind->key(ledger, index);
	return found.first == key.first && found.second == key.second;
}

// The element with that key, which is added if there is none; 0 if there is no room.
CHAIN_INLINE uint32_t chain_get(struct ledger *ledger, const struct chain_kind *kind, struct chain_key key)
{
	_Atomic uint32_t *bucket = chain_bucket(ledger, kind, key);
	uint32_t head = atomic_load_explicit(bucket, memory_order_acquire);
	uint32_t found = chain_find(ledger, kind, head, 0, key);
	if (found)
		return found;
	uint32_t added = ledger_add(ledger, kind->elements, 1);
	if (!added)
		return 0;
	kind->fill(ledger, added, key);
	for (;;) {
		uint32_t searched = head;
		atomic_store_explicit(kind->next(ledger, added), head, memory_order_relaxed);
		if (atomic_compare_exchange_strong_explicit(bucket, &head, added, memory_order_release, memory_order_acquire)) {
			// Release: pairs with the acquire in chain_has().
			atomic_store_explicit(kind->next(ledger, added), searched | CHAIN_ADDED, memory_order_release);
			return added;
		}
		found = chain_find(ledger, kind, head, searched, key);
		if (found) {
			kind->fill(ledger, added, (struct chain_key){ 0, 0 });
			return found;
		}
	}
}

// Put every element from first on into its bucket again, after a copy.  Not for concurrent use.
CHAIN_INLINE void chain_rebuild(struct ledger *ledger, const struct chain_kind *kind, uint32_t first)
{
	for (uint32_t i = first; i < ledger_num_used(ledger, kind->elements); i++) {
		struct chain_key key = kind->key(ledger, i);
		if (!key.first)
			continue; // given up
		_Atomic uint32_t *bucket = chain_bucket(ledger, kind, key);
		uint32_t head = atomic_load_explicit(bucket, memory_order_relaxed);
		atomic_store_explicit(kind->next(ledger, i), head | CHAIN_ADDED, memory_order_relaxed);
		atomic_store_explicit(bucket, i, memory_order_relaxed);
	}
}

#endif
