// SPDX-License-Identifier: Apache-2.0
/*
 * Recording: what happens to the few allocations and frees that are not passed straight through.
 *
 * INSIDE, any thread, signal handlers too; errno is kept.
 */
#ifndef CAIRN_SHIM_RECORD_H
#define CAIRN_SHIM_RECORD_H

#include "ledger/blocks.h"
#include "unwind/walk.h"

// The real allocator returned block: consider it for the sample.
void record_allocation(void *block, size_t size_bytes, const struct origin *origin);

// The program is about to free block: forget it.
void record_freeing(void *block);

// realloc() in two steps, since the old block must be forgotten before another thread can get its
// address, but lives on if the real realloc() fails.
struct record_move {
	struct block block; // weight 0: it was not known
};
void record_begin_move(struct record_move *move, void *block);
// has_moved: the old block is gone; else it is put back.
void record_end_move(const struct record_move *move, bool has_moved);

#endif
