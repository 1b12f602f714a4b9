// SPDX-License-Identifier: Apache-2.0
/*
 * Classes: which kind each block is of, told from who points to it.
 *
 * OUTSIDE; one thread.
 */
#ifndef CAIRN_LEAKS_CLASSES_H
#define CAIRN_LEAKS_CLASSES_H

#include "leaks/kind.h"
#include "leaks/scan.h"

// The kind of each block of the table, to be freed: reachable is what the program itself points to, and what such blocks
// point to, and so on; of the others those are indirect that any of them, but itself, points to.
unsigned char *classes_find(const struct scan *scan);

// For each lost block the one that it is lost with, to be freed: itself if it is definite, else one that leads to it; of blocks
// that point to each other in a circle, and to which no definite one leads, the first.  BLOCK_NONE for blocks that are not lost.
uint32_t *classes_find_heads(const struct scan *scan, const unsigned char *kinds);

#endif
