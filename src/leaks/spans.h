// SPDX-License-Identifier: Apache-2.0
/*
 * Spans: ranges of addresses, such as those where nobody looks for pointers.
 *
 * OUTSIDE; one thread.
 */
#ifndef CAIRN_LEAKS_SPANS_H
#define CAIRN_LEAKS_SPANS_H

#include <stddef.h>
#include <stdint.h>

struct span {
	uint64_t start, limit;
};

// Zeroed: none.
struct spans {
	struct span *spans;
	size_t num_spans;
};

void spans_deinit(struct spans *spans);

// Add one, in any order; an empty one is left out.
void spans_add(struct spans *spans, uint64_t start, uint64_t limit);

// Order them by address, each address in one at most.  Before the next function.
void spans_sort(struct spans *spans);

// The first span that ends behind an address; NULL: there is none.
const struct span *spans_find(const struct spans *spans, uint64_t address);

#endif
