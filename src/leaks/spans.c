// SPDX-License-Identifier: Apache-2.0
// Spans: ranges of addresses.  OUTSIDE.
#include "leaks/spans.h"

#include <stdlib.h>

#include "base/memory.h"

void spans_deinit(struct spans *spans)
{
	free(spans->spans);
	*spans = (struct spans){ 0 };
}

void spans_add(struct spans *spans, uint64_t start, uint64_t limit)
{
	if (start >= limit)
		return;
	spans->spans = memory_grow(spans->spans, spans->num_spans, sizeof(*spans->spans));
	spans->spans[spans->num_spans++] = (struct span){ start, limit };
}

static int compare(const void *a, const void *b)
{
	const struct span *left = a, *right = b;
	return left->start < right->start ? -1 : left->start > right->start;
}

void spans_sort(struct spans *spans)
{
	size_t num = 0;
	if (spans->num_spans)
		qsort(spans->spans, spans->num_spans, sizeof(*spans->spans), compare);
	for (size_t i = 0; i < spans->num_spans; i++) {
		const struct span span = spans->spans[i];
		if (num == 0 || span.start > spans->spans[num - 1].limit)
			spans->spans[num++] = span;
		else if (span.limit > spans->spans[num - 1].limit)
			spans->spans[num - 1].limit = span.limit;
	}
	spans->num_spans = num;
}

const struct span *spans_find(const struct spans *spans, uint64_t address)
{
	size_t low = 0, high = spans->num_spans;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (spans->spans[middle].limit <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < spans->num_spans ? &spans->spans[low] : NULL;
}
