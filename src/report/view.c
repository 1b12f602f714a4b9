// SPDX-License-Identifier: Apache-2.0
// View: the samples of a store as people want to see them.  OUTSIDE.
#include "report/view.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/sums.h"
#include "base/text.h"
#include "report/variance.h"

struct stack {
	UT_hash_handle hh;
	size_t index;
	uint32_t key[]; // label set, frames
};

struct view_tables {
	struct frames frames;
	struct stack *stack_table;
	uint32_t columns[PROFILE_MAX_TYPES]; // which of the store's types each is
};

static size_t num_values(const struct view *view)
{
	return view->store->num_sides * view->num_types;
}

static struct view_stack *get_stack(struct view *view, uint32_t label_set, const uint32_t *frames, size_t num_frames)
{
	struct view_tables *tables = view->tables;
	size_t key_bytes = (1 + num_frames) * sizeof(*frames);
	struct stack *found, *added = memory_get(1, sizeof(*added) + key_bytes);
	added->key[0] = label_set;
	memcpy(added->key + 1, frames, num_frames * sizeof(*frames));
	HASH_FIND(hh, tables->stack_table, added->key, key_bytes, found);
	if (found) {
		free(added);
		return &view->stacks[found->index];
	}
	found = added;
	found->index = view->num_stacks;
	HASH_ADD_KEYPTR(hh, tables->stack_table, found->key, key_bytes, found);
	view->stacks = memory_grow(view->stacks, view->num_stacks, sizeof(*view->stacks));
	view->stacks[view->num_stacks] = (struct view_stack){
		.frames = found->key + 1,
		.num_frames = (uint32_t)num_frames,
		.label_set = found->key[0],
		.values = memory_get(num_values(view), sizeof(int64_t)),
		.variances = memory_get(num_values(view), sizeof(double)),
	};
	return &view->stacks[view->num_stacks++];
}

// The values of a sample of the types that there are, all sides, and their variances.  False if all are 0.
static bool get_values(const struct view *view, const struct store_sample *sample, int64_t *values, double *variances)
{
	const struct store *store = view->store;
	const struct profile_description description = { .types = view->types, .num_types = view->num_types,
							 .period_type = store->period_type, .period = store->period };
	bool is_something = false;
	for (uint32_t side = 0; side < store->num_sides; side++) {
		for (size_t i = 0; i < view->num_types; i++) {
			int64_t value = sample->values[side * store->num_types + view->tables->columns[i]];
			values[side * view->num_types + i] = value;
			is_something |= value != 0;
		}
		variance_estimate(&description, &values[side * view->num_types], &variances[side * view->num_types]);
	}
	return is_something;
}

static void add_values(size_t number, int64_t *sums, double *sum_variances, const int64_t *values, const double *variances)
{
	for (size_t i = 0; i < number; i++) {
		sums[i] = sums_add(sums[i], values[i]);
		sum_variances[i] += variances[i];
	}
}

static void add_sample(struct view *view, const struct store_sample *sample)
{
	int64_t values[2 * PROFILE_MAX_TYPES];
	double variances[2 * PROFILE_MAX_TYPES], ignored[2 * PROFILE_MAX_TYPES] = { 0 };
	const uint32_t *frames;
	if (!get_values(view, sample, values, variances))
		return;
	size_t num_frames = frames_of(&view->tables->frames, sample, &frames);
	add_values(num_values(view), view->whole_totals, ignored, values, variances);
	if (!frames_are_wanted(&view->tables->frames, frames, num_frames))
		return;
	struct view_stack *stack = get_stack(view, sample->label_set, frames, num_frames);
	add_values(num_values(view), (int64_t *)stack->values, (double *)stack->variances, values, variances);
	add_values(num_values(view), view->totals, view->variances, values, variances);
}

static struct profile_type *choose_types(const struct store *store, uint32_t *columns, size_t *num_types)
{
	struct profile_type *types = memory_get(store->num_types, sizeof(*types));
	*num_types = 0;
	for (size_t i = 0; i < store->num_types; i++)
		if (store->is_shared[i]) {
			columns[*num_types] = (uint32_t)i;
			types[(*num_types)++] = store->types[i];
		}
	return types;
}

static bool find_type(struct view *view, const char *type, struct error *error)
{
	char storage[512];
	struct text names = TEXT_ON(storage);
	const char *wanted = type ? type : view->store->default_type;
	for (view->type = 0; view->type < view->num_types; view->type++)
		if (strcmp(view->types[view->type].type, wanted) == 0)
			return true;
	view->type = view->num_types - 1;
	if (!type)
		return true;
	for (size_t i = 0; i < view->num_types; i++) {
		text_add(&names, i == 0 ? "" : i + 1 < view->num_types ? ", " : " and ");
		text_add(&names, view->types[i].type);
	}
	return error_set(error, "--type: %s: the profile has %s", type, storage);
}

bool view_create(struct view **created, const struct store *store, const struct view_request *request, struct error *error)
{
	struct view *view = memory_get(1, sizeof(*view));
	struct view_tables *tables = view->tables = memory_get(1, sizeof(*tables));
	const struct frames_request frames_request = {
		.by_lines = request->by_lines,
		.focus = request->focus,
		.ignore = request->ignore,
		.hide = request->hide,
		.drop = request->keeps_dropped ? "" : store->drop_frames,
		.keep = store->keep_frames,
	};
	view->store = store;
	view->types = choose_types(store, tables->columns, &view->num_types);
	if (!view->num_types)
		error_set(error, "the profile has no values");
	if (!frames_init(&tables->frames, store, &frames_request, error) || !view->num_types ||
	    !find_type(view, request->type, error)) {
		view_destroy(view);
		return false;
	}
	view->totals = memory_get(num_values(view), sizeof(*view->totals));
	view->variances = memory_get(num_values(view), sizeof(*view->variances));
	view->whole_totals = memory_get(num_values(view), sizeof(*view->whole_totals));
	for (size_t i = 0; i < store->num_samples; i++)
		add_sample(view, store->samples[i]);
	view->frames = tables->frames.frames;
	view->num_frames = tables->frames.num_frames;
	*created = view;
	return true;
}

static void destroy_tables(struct view_tables *tables)
{
	struct stack *stack = tables->stack_table, *next;
	HASH_CLEAR(hh, tables->stack_table); // leaves the elements and their chain
	for (; stack; stack = next) {
		next = stack->hh.next;
		free(stack);
	}
	frames_deinit(&tables->frames);
	free(tables);
}

void view_destroy(struct view *view)
{
	if (!view)
		return;
	for (size_t i = 0; i < view->num_stacks; i++) {
		free((void *)view->stacks[i].values);
		free((void *)view->stacks[i].variances);
	}
	destroy_tables(view->tables);
	free((void *)view->types);
	free(view->stacks);
	free(view->totals);
	free(view->variances);
	free(view->whole_totals);
	free(view);
}

double view_error(const struct view *view, const struct view_stack *stack, uint32_t side)
{
	return sums_error(stack->variances[side * view->num_types + view->type]);
}

double view_total_error(const struct view *view, uint32_t side)
{
	return sums_error(view->variances[side * view->num_types + view->type]);
}
