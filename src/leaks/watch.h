// SPDX-License-Identifier: Apache-2.0
/*
 * Watch: what is kept of the snapshots of the live blocks of one process.
 *
 * Snapshots are taken at moments that were fixed before.  All blocks are kept of four of them at most: the first, the
 * last, and two that lie in between, of which one is near the middle whenever the watching ends.  Of the others it is
 * kept when a stack had blocks of what age.
 *
 * OUTSIDE; one thread.  All times are ticks since the ledger began.
 */
#ifndef CAIRN_LEAKS_WATCH_H
#define CAIRN_LEAKS_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WATCH_NUM_SPANS 256           // that a watch is divided into
#define WATCH_MAX_SNAPSHOTS 10000

struct watch_block {
	uint64_t address, size_bytes;
	double weight;      // how many blocks it stands for
	uint32_t birth;     // in units of LEDGER_BIRTH_TICKS
	uint32_t site;
	uint32_t last_seen; // number of the last snapshot that has it; of the first snapshot's blocks only
};

struct watch_snapshot {
	struct watch_block *blocks; // by site, birth and address
	size_t num_blocks;
	uint32_t number; // from 0
};

// Blocks of a site that were born in one span of time.
struct watch_sighting {
	uint32_t site, span; // a span is a birth divided by births_per_span
	uint32_t last_seen;  // number of the last snapshot that has one of them
};

struct watch {
	uint32_t births_per_span;
	uint32_t num_planned; // snapshots
	uint32_t num_snapshots;
	uint64_t *ticks; // when each was taken
	struct watch_snapshot first, marks[2], last; // there are no marks if blocks is NULL, and no last one of one snapshot
	struct watch_sighting *sightings; // by site and span
	size_t num_sightings;
};

// num_planned is 2 to WATCH_MAX_SNAPSHOTS.
void watch_init(struct watch *watch, uint32_t num_planned, uint64_t duration_ticks);
void watch_deinit(struct watch *watch);

// The next snapshot, in any order; the blocks (of malloc()) are the watch's from now on.
void watch_add(struct watch *watch, struct watch_block *blocks, size_t num_blocks, uint64_t ticks);

// The snapshot nearest to the middle of those so far; the first one if there are but two.
const struct watch_snapshot *watch_get_middle(const struct watch *watch);

// When a block was born, at most LEDGER_BIRTH_TICKS too early.
uint64_t watch_birth_ticks(const struct watch_block *block);

// Order of blocks; 0: they are the same block.
int watch_compare(const struct watch_block *left, const struct watch_block *right);

#endif
