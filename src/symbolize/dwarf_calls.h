// SPDX-License-Identifier: Apache-2.0
/*
 * DWARF calls: which functions, and calls inlined into them, the addresses of a unit are in.
 *
 * OUTSIDE; one thread.
 */
#ifndef CAIRN_SYMBOLIZE_DWARF_CALLS_H
#define CAIRN_SYMBOLIZE_DWARF_CALLS_H

#include <stddef.h>
#include <stdint.h>

#include <elfutils/libdw.h>

#include "symbolize/dwarf_part.h"
#include "symbolize/dwarf_query.h"

struct dwarf_call {
	Dwarf_Die entry; // of the function, or of the call if it is inlined
	uint32_t outer;  // that it is inlined into; DWARF_NO_CALL: none
};

struct dwarf_calls {
	struct dwarf_call *calls;
	size_t num_calls;
};

// Find the innermost call of each query, which are those of one unit by address.  root: of the unit's entries, in part
// (NULL: in the linked file).
void dwarf_calls_find(struct dwarf_calls *calls, Dwarf_Die *root, const struct dwarf_part *part, struct dwarf_query *queries,
		      size_t num_queries);
void dwarf_calls_deinit(struct dwarf_calls *calls);

// Visit the ranges of code of an entry.  What linkers have thrown away, and put to address 0, is left out.
void dwarf_calls_visit_code(Dwarf_Die *entry, const struct dwarf_part *part,
			    void (*visit)(void *context, uint64_t low, uint64_t limit), void *context);

#endif
