// SPDX-License-Identifier: Apache-2.0
// Stacks of a watch: the named stacks of a ledger's sites.  OUTSIDE.
#include "cli/leaks_growth_stacks.h"

#include <stdlib.h>

#include "base/hash.h"
#include "profile/from_ledger.h"

#define SITE_LABEL "site" // keeps sites apart whose frames are the same

static void want_blocks(bool *is_wanted, size_t num_sites, const struct watch_snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->num_blocks; i++)
		if (snapshot->blocks[i].site < num_sites)
			is_wanted[snapshot->blocks[i].site] = true;
}

struct wanted {
	const bool *sites;
	size_t num_sites;
};

// Each site that is wanted once, with its number.
static bool push_site(void *context, uint32_t site, struct profile_sample *sample, const struct profile_sink *sink)
{
	static const int64_t values[] = { 1, 1 }; // what is 0 is not in a view
	const struct wanted *wanted = context;
	const struct profile_label label = { .key = SITE_LABEL, .number = site, .unit = "" };
	sample->values = values;
	sample->labels = &label;
	sample->num_labels = 1;
	return site >= wanted->num_sites || !wanted->sites[site] || sink->sample(sink->context, sample);
}

static bool push_sites(struct store *store, const struct target *target, const bool *is_wanted, size_t num_sites)
{
	struct wanted wanted = { is_wanted, num_sites };
	const struct profile_request request = { .time_ns = target_time_ns(target), .split = push_site, .context = &wanted };
	return profile_from_ledger(target_ledger(target), &request, store_begin(store, 0, STORE_ADD));
}

struct entry {
	UT_hash_handle hh;
	uint32_t number;
};

static uint32_t find_number(struct watch_stacks *stacks, struct entry **table, const struct view_stack *stack)
{
	struct entry *entry;
	size_t key_bytes = stack->num_frames * sizeof(*stack->frames);
	HASH_FIND(hh, *table, stack->frames, key_bytes, entry);
	if (!entry) {
		entry = memory_get(1, sizeof(*entry));
		entry->number = (uint32_t)stacks->num_stacks;
		stacks->stacks = memory_grow(stacks->stacks, stacks->num_stacks, sizeof(*stacks->stacks));
		stacks->stacks[stacks->num_stacks++] = stack;
		HASH_ADD_KEYPTR(hh, *table, stack->frames, key_bytes, entry);
	}
	return entry->number;
}

static void number_stacks(struct watch_stacks *stacks)
{
	struct entry *table = NULL, *entry, *next;
	for (size_t i = 0; i < stacks->view->num_stacks; i++) {
		const struct view_stack *stack = &stacks->view->stacks[i];
		size_t num_labels;
		const struct profile_label *labels = store_get_labels(stacks->store, stack->label_set, &num_labels);
		if (num_labels)
			stacks->of_sites[labels[0].number] = find_number(stacks, &table, stack);
	}
	HASH_ITER (hh, table, entry, next) {
		HASH_DEL(table, entry);
		free(entry);
	}
}

bool watch_stacks_init(struct watch_stacks *stacks, const struct watch *watch, const struct target *target,
		       const struct viewing *viewing, struct error *error)
{
	struct viewing used = *viewing;
	used.type = NULL;
	used.naming.pid = target_pid(target);
	*stacks = (struct watch_stacks){ .store = store_create(1), .num_sites = read_num(target_ledger(target), LEDGER_SITES) };
	bool *is_wanted = memory_get(stacks->num_sites, sizeof(*is_wanted));
	want_blocks(is_wanted, stacks->num_sites, &watch->first);
	want_blocks(is_wanted, stacks->num_sites, &watch->last);
	want_blocks(is_wanted, stacks->num_sites, watch_get_middle(watch));
	bool is_made = push_sites(stacks->store, target, is_wanted, stacks->num_sites) ||
		       error_set(error, "the ledger names frames that are not there");
	free(is_wanted);
	if (is_made)
		naming_run(&used.naming, stacks->store);
	if (!is_made || !viewing_create_view(&used, &stacks->view, stacks->store, error)) {
		store_destroy(stacks->store);
		return false;
	}
	stacks->of_sites = memory_get(stacks->num_sites, sizeof(*stacks->of_sites));
	memset(stacks->of_sites, 0xff, stacks->num_sites * sizeof(*stacks->of_sites));
	number_stacks(stacks);
	return true;
}

void watch_stacks_deinit(struct watch_stacks *stacks)
{
	free(stacks->of_sites);
	free(stacks->stacks);
	view_destroy(stacks->view);
	store_destroy(stacks->store);
	*stacks = (struct watch_stacks){ 0 };
}
