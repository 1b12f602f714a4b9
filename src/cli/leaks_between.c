// SPDX-License-Identifier: Apache-2.0
// `cairn leaks OLD NEW`: what grew between two profiles.  OUTSIDE.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/leaks_growth.h"
#include "cli/leaks_output.h"
#include "cli/subject.h"
#include "profile/heap.h"
#include "report/growth.h"
#include "report/printable.h"
#include "report/units.h"

#define MAX_NAME_COLUMNS 200

static const char *find_heap_type(const struct store *store)
{
	for (size_t i = 0; i < store->num_types; i++)
		if (strcmp(store->types[i].type, heap_types[HEAP_INUSE_SPACE].type) == 0)
			return store->types[i].type;
	return NULL;
}

// Rows of the growth that grew.
static void add_rows(struct leaks_growth *found, const struct growth *growth)
{
	found->rows = memory_get(growth->num_rows, sizeof(*found->rows));
	for (size_t i = 0; i < growth->num_rows; i++) {
		const struct growth_row *row = &growth->rows[i];
		int64_t bytes = growth_get(&row->change);
		found->num_tests += !isnan(row->chance);
		if (bytes <= 0)
			continue;
		found->rows[found->num_rows++] = (struct leaks_growth_row){
			.frames = row->frames,
			.num_frames = row->num_frames,
			.state = row->is_significant ? DECISION_LEAK : DECISION_CHANCE,
			.bytes = (double)bytes,
			.error = growth_get_error(&row->change),
			.chance = fmin(1, row->chance / 2 * (double)growth->num_rows), // of growth only
		};
	}
}

static void write_heading(struct leaks_growth *found)
{
	struct text line = TEXT_ON(found->heading);
	text_add(&line, "growth from ");
	printable_add_cut(&line, found->request->names[0], MAX_NAME_COLUMNS);
	text_add(&line, " to ");
	printable_add_cut(&line, found->request->names[1], MAX_NAME_COLUMNS);
	if (found->duration_ns > 0) {
		text_add(&line, " in ");
		units_add_duration(&line, (int64_t)found->duration_ns);
	}
	text_add(&line, "\n");
}

static void write_notes(struct leaks_growth *found, const struct store *store, bool has_errors)
{
	struct text notes = TEXT_ON(found->notes);
	if (store->sides[0].time_ns && store->sides[1].time_ns && store->sides[1].time_ns < store->sides[0].time_ns)
		text_add(&notes, "the second profile is older than the first: is this the order that was meant?\n");
	if (found->is_exact)
		text_add(&notes, has_errors ? "values are exact: every growth counts\n" :
					      "how sure these values are is not known: every growth counts\n");
	else if (subject_is_one_process(store))
		text_add(&notes, "both are of one process and share samples: errors and chances are upper bounds\n");
}

static bool judge(struct leaks_growth *found, const struct store *store, const struct view *view, int *status, struct error *error)
{
	struct growth growth;
	double both_sides = 2 * (1 - found->request->confidence); // of which one is growth
	bool is_heap = store->period_type.type && strcmp(store->period_type.type, heap_period_type.type) == 0;
	int64_t duration_ns = store->sides[1].time_ns - store->sides[0].time_ns;
	growth_init(&growth, view, GROWTH_OF_STACKS, 1 - fmin(both_sides, 1));
	found->view = view;
	found->is_exact = true;
	for (size_t i = 0; i < growth.num_rows && found->is_exact; i++)
		found->is_exact = !(growth_get_error(&growth.rows[i].change) > 0);
	found->duration_ns = store->sides[0].time_ns && duration_ns > 0 ? (double)duration_ns : 0;
	add_rows(found, &growth);
	if (!found->is_exact && is_heap) { // what is there on one side only, by chance.h's first bound
		found->least_samples = (uint32_t)ceil(log2((double)(found->num_tests + 1) / (1 - found->request->confidence)));
		found->least_bytes = found->least_samples * (double)store->period;
	}
	write_heading(found);
	write_notes(found, store, !isnan(growth_get_error(&growth.total)));
	bool is_reported = leaks_growth_report(found, status, error);
	free(found->rows);
	growth_deinit(&growth);
	return is_reported;
}

static bool is_of_bytes(const struct view *view, struct error *error)
{
	const struct profile_type *type = &view->types[view->type];
	return strcmp(type->unit, heap_types[HEAP_INUSE_SPACE].unit) == 0 ||
	       error_set(error, "%s is in %s: what leaks is told in bytes (see cairn diff)", type->type, type->unit);
}

bool leaks_between(const struct leaks_request *request, int *status, struct error *error)
{
	struct leaks_growth found = { .request = request };
	struct viewing viewing = request->viewing;
	struct view *view;
	struct store *store = store_create(2);
	bool is_judged = false;
	*status = LEAKS_UNTOLD;
	if (leaks_output_check(request, error) && subject_add_named(store, request->names, 2, &viewing.naming, error)) {
		viewing.type = viewing.type ? viewing.type : find_heap_type(store);
		if (viewing_create_view(&viewing, &view, store, error)) {
			is_judged = is_of_bytes(view, error) && judge(&found, store, view, status, error);
			view_destroy(view);
		}
	}
	store_destroy(store);
	return is_judged;
}
