// SPDX-License-Identifier: Apache-2.0
/*
 * Scan: all pointers to blocks that lie in the memory of a process, in one reading of it.
 *
 * A pointer is a word at a multiple of 8 that is an address in a block.  What lies in a block is its; what lies elsewhere, but
 * not in the excluded spans, is the program's own.
 *
 * OUTSIDE; one thread, which lets others help it.
 */
#ifndef CAIRN_LEAKS_SCAN_H
#define CAIRN_LEAKS_SCAN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "leaks/block_table.h"
#include "leaks/spans.h"
#include "target/memory.h"

struct scan {
	const struct block_table *table;
	_Atomic bool *has_root; // for each block: the program itself has a pointer to it
	uint64_t *first_link; // for each block, and one more: where its pointers begin
	uint32_t *links;      // blocks that blocks point to, without pointers to themselves
	uint64_t num_links;
	uint64_t scanned_bytes;
};

enum scan_result { SCAN_DONE, SCAN_LATE, SCAN_TOO_LARGE };

// deadline_ns is of CLOCK_MONOTONIC (0: none); max_bytes of memory may be taken (0: any).
enum scan_result scan_init(struct scan *scan, const struct memory *memory, const struct block_table *table,
			   const struct spans *excluded, int64_t deadline_ns, uint64_t max_bytes);
void scan_deinit(struct scan *scan);

// Words that are the program's own, such as registers.
void scan_roots(struct scan *scan, const uint64_t *words, size_t num_words);

#endif
