// SPDX-License-Identifier: Apache-2.0
// Stacks of a watch: the named stacks of a ledger's sites.  OUTSIDE.
#include "cli/leaks_growth_stacks.h"

#include <stdlib.h>

#include "base/hash.h"
#include "profile/from_ledger.h"
#include "profile/heap.h"

#define SITE_LABEL "site" // keeps sites apart whose frames are the same
#define MAX_FRAMES 1024

static void want_blocks(bool *is_wanted, size_t num_sites, const struct watch_snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->num_blocks; i++)
		if (snapshot->blocks[i].site < num_sites)
			is_wanted[snapshot->blocks[i].site] = true;
}

// The samples of the ledger's profile are not what is to be in the store.
static bool leave_out(void *context, const struct profile_sample *sample)
{
	(void)context, (void)sample;
	return true;
}

// Frames that were not pushed, since the ledger is not sound, are left out.
static size_t read_frames(const struct ledger *ledger, uint32_t site, uint32_t *frames)
{
	size_t num_frames = read_stack(ledger, site, frames, MAX_FRAMES), num_valid = 0;
	for (size_t i = 0; i < num_frames; i++) {
		uint32_t mapping;
		uint64_t address;
		bool is_special = frames[i] >= 1 && frames[i] <= LEDGER_NUM_SPECIAL_FRAMES;
		if (is_special || (read_frame(ledger, frames[i], &mapping, &address) && address))
			frames[num_valid++] = frames[i];
	}
	return num_valid;
}

static bool push_site(const struct profile_sink *sink, const struct ledger *ledger, uint32_t site)
{
	static const int64_t values[HEAP_NUM_VALUES] = { 1, 1, 1, 1 }; // what is 0 is not in a view
	uint32_t frames[MAX_FRAMES];
	const struct profile_label label = { .key = SITE_LABEL, .number = site, .unit = "" };
	const struct profile_sample sample = { .location_ids = frames, .num_locations = read_frames(ledger, site, frames),
					       .values = values, .labels = &label, .num_labels = 1 };
	return !sample.num_locations || sink->sample(sink->context, &sample);
}

static bool push_sites(struct store *store, const struct target *target, const bool *is_wanted, size_t num_sites)
{
	const struct ledger *ledger = target_ledger(target);
	const struct profile_request request = { .time_ns = target_time_ns(target) };
	const struct profile_sink *to = store_begin(store, 0, STORE_ADD);
	struct profile_sink sink = *to;
	sink.sample = leave_out;
	bool is_pushed = profile_from_ledger(ledger, &request, &sink);
	for (uint32_t site = 1; is_pushed && site < num_sites; site++)
		is_pushed = !is_wanted[site] || push_site(to, ledger, site);
	return is_pushed;
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
