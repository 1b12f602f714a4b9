// SPDX-License-Identifier: Apache-2.0
/*
 * Hash: uthash's tables, with a hash function that nobody can aim at and with memory that is there.
 *
 * OUTSIDE.  Include this and never <uthash.h>.  Tables are walked in the order in which elements were added,
 * so what is made from them does not depend on the function.
 */
#ifndef CAIRN_BASE_HASH_H
#define CAIRN_BASE_HASH_H

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/memory.h"

// Fold the product of two 64-bit words (wyhash, Wang Yi).
static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

// 8 bytes that the kernel chose at random for this process.  They are asked for once (all threads get the same).
static inline uint64_t hash_get_seed(void)
{
	static _Atomic uint64_t kept; // 0: not yet
	uint64_t seed = atomic_load_explicit(&kept, memory_order_relaxed);
	if (!seed) {
		memcpy(&seed, (const void *)getauxval(AT_RANDOM), sizeof(seed));
		atomic_store_explicit(&kept, seed, memory_order_relaxed);
	}
	return seed;
}

// Begins with the seed: keys in a file cannot be chosen so that they all end up in one chain.
static inline unsigned hash_bytes(const void *key, size_t num_bytes)
{
	const unsigned char *at = key;
	uint64_t hash = hash_get_seed(), word;
	for (; num_bytes >= sizeof(word); at += sizeof(word), num_bytes -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		hash = hash_mix(hash ^ word, UINT64_C(0x9e3779b97f4a7c15));
	}
	word = (uint64_t)num_bytes << 56;
	memcpy(&word, at, num_bytes);
	return (unsigned)hash_mix(hash ^ word, UINT64_C(0xd6e8feb86659fd93));
}

#define HASH_FUNCTION(key, num_bytes, hash) ((hash) = hash_bytes(key, num_bytes))
#define uthash_malloc(size_bytes) memory_get(1, size_bytes)
#include <uthash.h>

#endif
