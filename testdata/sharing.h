// SPDX-License-Identifier: Apache-2.0
/*
 * Sharing: blocks that one thread allocates and another frees, and the truth of many threads together.
 *
 * A block begins with its size, so that whoever frees it knows what to take away.  A thread's truth may thus be
 * below 0, and the sum is right.
 */
#ifndef TESTDATA_SHARING_H
#define TESTDATA_SHARING_H

#include "truth.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// What one thread does.
struct share {
	pthread_t id;
	unsigned number;
	uint64_t random;
	struct truth own;    // blocks that it frees itself, or nobody
	struct truth passed; // blocks for which anybody may come
};

static inline uint64_t next_random(struct share *share)
{
	share->random ^= share->random << 13;
	share->random ^= share->random >> 7;
	share->random ^= share->random << 17;
	return share->random;
}

static inline size_t next_size(struct share *share)
{
	return sizeof(size_t) + next_random(share) % 1000;
}

static inline void free_block(struct truth *truth, char *block)
{
	size_t size;
	if (!block)
		return;
	memcpy(&size, block, sizeof(size));
	truth_remove(truth, size);
	free(block);
}

static inline void share_start(struct share *share, unsigned number, const pthread_attr_t *attributes, void *(*run)(void *))
{
	*share = (struct share){.number = number, .random = 0x9e3779b97f4a7c15u * (number + 1)};
	if (pthread_create(&share->id, attributes, run, share))
		abort();
}

// Waits for its end, and adds its truth to what is known of all.
static inline void share_join(struct share *share, struct truth *own, struct truth *passed)
{
	struct truth *sums[] = {own, passed};
	const struct truth *parts[] = {&share->own, &share->passed};
	pthread_join(share->id, NULL);
	for (int i = 0; i < 2; i++) {
		sums[i]->alloc_objects += parts[i]->alloc_objects;
		sums[i]->alloc_bytes += parts[i]->alloc_bytes;
		sums[i]->inuse_objects += parts[i]->inuse_objects;
		sums[i]->inuse_bytes += parts[i]->inuse_bytes;
	}
}

#endif
