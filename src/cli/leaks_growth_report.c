// SPDX-License-Identifier: Apache-2.0
// Leaks by growth: the verdict, and where it is written.  OUTSIDE.
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/leaks_growth.h"
#include "report/frame_name.h"
#include "report/sums.h"

#define HOUR_NS 3.6e12

static bool leaks_open_log(const struct leaks_request *request, FILE **to, struct error *error)
{
	*to = request->log ? fopen(request->log, "we") : stdout;
	return *to || error_set(error, "%s: %s", request->log, strerror(errno));
}

enum leaks_status leaks_growth_get_status(const struct leaks_growth *found)
{
	if (found->num_leaks && !found->is_too_small)
		return LEAKS_FOUND;
	return found->untold ? LEAKS_UNTOLD : LEAKS_CLEAN;
}

const char *leaks_growth_get_state(const struct leaks_growth_row *row)
{
	static const char *const states[] = {
		[DECISION_LEAK] = "leak",
		[DECISION_STOPPED] = "stopped",
		[DECISION_PASSING] = "passing",
		[DECISION_CHANCE] = "chance",
	};
	return states[row->state];
}

double leaks_growth_per_hour(const struct leaks_growth *found, double bytes)
{
	return found->duration_ns > 0 ? bytes / found->duration_ns * HOUR_NS : NAN;
}

static int compare_rows(const void *a, const void *b)
{
	const struct leaks_growth_row *left = a, *right = b;
	if (left->state != right->state)
		return left->state < right->state ? -1 : 1;
	return left->bytes > right->bytes ? -1 : left->bytes < right->bytes;
}

// Of different stacks, whose samples have nothing to do with each other.
static void sum_up(struct leaks_growth *found)
{
	double variance = 0;
	for (size_t i = 0; i < found->num_rows && found->rows[i].state == DECISION_LEAK; i++) {
		const struct leaks_growth_row *row = &found->rows[i];
		found->num_leaks++;
		found->total.bytes += row->bytes;
		variance += row->error < 0 ? 0 : row->error * row->error;
	}
	found->total.error = sums_error(variance);
	double growth = found->is_of_process ? leaks_growth_per_hour(found, found->total.bytes) : found->total.bytes;
	found->is_too_small = found->num_leaks && growth <= (double)found->request->max_growth_bytes;
}

static bool print(const struct leaks_growth *found, struct error *error)
{
	const char *name = found->request->log ? found->request->log : "standard output";
	FILE *to;
	if (!leaks_open_log(found->request, &to, error))
		return false;
	(found->request->form == LEAKS_JSON ? leaks_growth_print_json : leaks_growth_print_text)(to, found);
	bool is_printed = fflush(to) == 0 && !ferror(to);
	if (!is_printed)
		error_set(error, "%s: %s", name, strerror(errno));
	if (to != stdout)
		fclose(to);
	return is_printed;
}

bool leaks_growth_report(struct leaks_growth *found, int *status, struct error *error)
{
	if (found->num_rows)
		qsort(found->rows, found->num_rows, sizeof(*found->rows), compare_rows);
	sum_up(found);
	*status = LEAKS_UNTOLD;
	if (!print(found, error))
		return false;
	*status = leaks_growth_get_status(found);
	if (*status == LEAKS_FOUND)
		*status = found->request->exit_code;
	return true;
}

static char *create_stack(const struct view *view, const struct leaks_growth_row *row, const char *between)
{
	char *all = memory_get(1, 1);
	size_t length = 0;
	for (uint32_t i = 0; i < row->num_frames; i++) {
		char *name = frame_name_create(&view->frames[row->frames[i]], printable_add_utf8);
		size_t more = strlen(name) + (i ? strlen(between) : 0);
		all = memory_resize(all, length + more + 1, 1);
		sprintf(all + length, "%s%s", i ? between : "", name);
		length += more;
		free(name);
	}
	return all;
}

struct leaks_found *leaks_growth_create_found(const struct leaks_growth *found, size_t *num_found)
{
	struct leaks_found *all = memory_get(found->num_leaks, sizeof(*all));
	*num_found = found->num_leaks;
	for (size_t i = 0; i < found->num_leaks; i++) {
		const struct leaks_growth_row *row = &found->rows[i];
		all[i] = (struct leaks_found){ create_stack(found->view, row, " < "), (int64_t)row->bytes, create_stack(found->view, row, "\n") };
	}
	return all;
}

void leaks_found_destroy(struct leaks_found *found, size_t num_found)
{
	for (size_t i = 0; i < num_found; i++) {
		free(found[i].name);
		free(found[i].text);
	}
	free(found);
}
