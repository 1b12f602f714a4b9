// SPDX-License-Identifier: Apache-2.0
// Filter: the call sites that have a function of a certain name in their stack.  OUTSIDE.
#include "report/filter.h"

#include <stdlib.h>
#include <string.h>

#define MAX_NAME_BYTES 2048

enum decision { UNDECIDED, PASSES, FAILS };

void filter_init(struct filter *filter)
{
	*filter = (struct filter){ 0 };
}

void filter_forget(struct filter *filter)
{
	free(filter->nodes);
	filter->nodes = NULL;
	filter->num_nodes = 0;
}

void filter_deinit(struct filter *filter)
{
	match_destroy(filter->match);
	filter_forget(filter);
	filter_init(filter);
}

bool filter_set(struct filter *filter, const char *pattern, struct error *error)
{
	struct match *match = NULL;
	if (strlen(pattern) >= sizeof(filter->pattern))
		return error_set(error, "the filter is longer than %zu characters", sizeof(filter->pattern) - 1);
	if (*pattern && !match_create(&match, "filter", pattern, false, error))
		return false;
	filter_deinit(filter);
	filter->match = match;
	strcpy(filter->pattern, pattern);
	return true;
}

static bool make_room(struct filter *filter, uint32_t num_nodes)
{
	if (num_nodes <= filter->num_nodes)
		return true;
	unsigned char *nodes = realloc(filter->nodes, num_nodes);
	if (!nodes)
		return false;
	memset(nodes + filter->num_nodes, UNDECIDED, num_nodes - filter->num_nodes);
	filter->nodes = nodes;
	filter->num_nodes = num_nodes;
	return true;
}

static bool matches(struct filter *filter, struct names *names, const struct ledger *ledger, uint32_t frame)
{
	char storage[MAX_NAME_BYTES];
	struct text name = TEXT_ON(storage);
	storage[0] = 0;
	names_add_frame(names, ledger, frame, &name);
	return match_finds(filter->match, storage, name.length);
}

// 0: none, or not in this copy.
static uint32_t parent_of(const struct ledger *ledger, uint32_t node)
{
	uint32_t parent = ledger->nodes[node].parent;
	return parent < node ? parent : 0;
}

bool filter_passes(struct filter *filter, struct names *names, const struct ledger *ledger, uint32_t site)
{
	uint32_t num_nodes = read_num(ledger, LEDGER_NODES);
	uint32_t first = ledger->sites[site].node < num_nodes ? ledger->sites[site].node : 0;
	if (!filter->match || !make_room(filter, num_nodes))
		return true;
	// A node passes if its frame does or its parent.  Up to the first one that settles it, which settles it for
	// those below as well.
	enum decision decision = UNDECIDED;
	uint32_t last = first;
	for (; last && decision == UNDECIDED; last = parent_of(ledger, last)) {
		decision = filter->nodes[last];
		if (decision == UNDECIDED && matches(filter, names, ledger, ledger->nodes[last].frame))
			decision = filter->nodes[last] = PASSES;
	}
	if (decision == UNDECIDED)
		decision = FAILS;
	for (uint32_t node = first; node && node != last; node = parent_of(ledger, node))
		filter->nodes[node] = (unsigned char)decision;
	return decision == PASSES;
}
