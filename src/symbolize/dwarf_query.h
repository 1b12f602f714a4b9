// SPDX-License-Identifier: Apache-2.0
/*
 * DWARF query: an address of which lines and calls are asked, and what was found of it in its unit.
 *
 * OUTSIDE.
 */
#ifndef CAIRN_SYMBOLIZE_DWARF_QUERY_H
#define CAIRN_SYMBOLIZE_DWARF_QUERY_H

#include <stddef.h>
#include <stdint.h>

#define DWARF_NO_UNIT SIZE_MAX
#define DWARF_NO_CALL UINT32_MAX

struct dwarf_query {
	uint64_t address;
	size_t number; // of the address, as the caller counts
	size_t unit;   // as the reader counts; DWARF_NO_UNIT: none covers it
	uint32_t call; // the innermost of dwarf_calls; DWARF_NO_CALL: none
};

// The first of queries in order of addresses that is not before this address.
static inline size_t dwarf_query_find(const struct dwarf_query *queries, size_t num_queries, uint64_t address)
{
	size_t low = 0, high = num_queries;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (queries[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

#endif
