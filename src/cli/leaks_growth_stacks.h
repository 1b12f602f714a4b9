// SPDX-License-Identifier: Apache-2.0
/*
 * Stacks of a watch: the named stacks of a ledger's sites; sites whose functions are the same share one.
 *
 * OUTSIDE.
 */
#ifndef CAIRN_CLI_LEAKS_GROWTH_STACKS_H
#define CAIRN_CLI_LEAKS_GROWTH_STACKS_H

#include "cli/viewing.h"
#include "leaks/watch.h"
#include "target/target.h"

struct watch_stacks {
	struct store *store;
	struct view *view;
	const struct view_stack **stacks; // one of those of the view that have these frames
	size_t num_stacks;
	uint32_t *of_sites; // number of a site's stack; UINT32_MAX: it has none, or is not asked for
	size_t num_sites;
};

// Of the sites of all blocks that were kept.  False: the view that is asked for cannot be made.
bool watch_stacks_init(struct watch_stacks *stacks, const struct watch *watch, const struct target *target,
		       const struct viewing *viewing, struct error *error);
void watch_stacks_deinit(struct watch_stacks *stacks);

#endif
