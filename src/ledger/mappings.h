// SPDX-License-Identifier: Apache-2.0
/*
 * Mappings: the executable ranges that frames lie in, kept for good: a library may be closed before
 * anybody asks for its names.
 *
 * INSIDE.  The first mapping added must be the main program's: readers take number 1 for it.
 */
#ifndef CAIRN_LEDGER_MAPPINGS_H
#define CAIRN_LEDGER_MAPPINGS_H

#include "ledger/ledger.h"

struct mapping {
	uint64_t start; // page-aligned, as are limit and offset
	uint64_t limit;
	uint64_t offset;      // in the file
	const char *path;     // "" if unknown
	const char *build_id; // lower-case hexadecimal, "" if there is none
};

// The number of the new mapping, 0 if there is no room.
uint32_t mapping_add(struct ledger *ledger, const struct mapping *mapping);

#endif
