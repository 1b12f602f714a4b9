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

#endif
