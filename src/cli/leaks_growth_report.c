// SPDX-License-Identifier: Apache-2.0
// Leaks by growth: the verdict, and where it is written.  OUTSIDE.
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/sums.h"
#include "base/text.h"
#include "cli/leaks_growth.h"
#include "cli/leaks_junit.h"
#include "cli/leaks_output.h"
#include "report/frame_name.h"
#include "report/printable.h"
#include "report/units.h"

#define HOUR_NS 3.6e12

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

static void print(FILE *to, const void *found)
{
	(((const struct leaks_growth *)found)->request->form == LEAKS_JSON ? leaks_growth_print_json : leaks_growth_print_text)(to, found);
}

// A frame in each line.
static char *create_stack(const struct leaks_growth *found, const struct leaks_growth_row *row)
{
	char *all = NULL;
	size_t size;
	FILE *to = open_memstream(&all, &size);
	if (!to)
		return memory_copy_string("");
	for (uint32_t i = 0; i < row->num_frames; i++) {
		char *name = frame_name_create(&found->view->frames[row->frames[i]], printable_add_utf8);
		fprintf(to, "%s\n", name);
		free(name);
	}
	fclose(to);
	return all;
}

static void add_failure(struct junit *junit, const struct leaks_growth *found, const struct leaks_growth_row *row)
{
	char storage[256];
	struct text message = TEXT_ON(storage);
	text_add(&message, "grows by ");
	units_add_bytes_estimate(&message, row->bytes, row->error);
	junit_add(junit, &(struct junit_failure){ junit_create_name("growth", found->view, row->frames, row->num_frames),
						  memory_copy_string("growth"), memory_copy_string(storage),
						  create_stack(found, row) });
}

static bool write_junit(const struct leaks_growth *found, struct error *error)
{
	char storage[2048];
	struct text answer = TEXT_ON(storage);
	struct junit junit;
	leaks_growth_add_answer(&answer, found);
	junit_init(&junit, found->program ? found->program : found->request->names[1], leaks_growth_get_status(found), storage);
	for (size_t i = 0; i < found->num_leaks && junit.answer == LEAKS_FOUND; i++)
		add_failure(&junit, found, &found->rows[i]);
	bool is_written = junit_write(found->request->junit, &junit, error);
	junit_deinit(&junit);
	return is_written;
}

bool leaks_growth_report(struct leaks_growth *found, int *status, struct error *error)
{
	const struct leaks_request *request = found->request;
	if (found->num_rows)
		qsort(found->rows, found->num_rows, sizeof(*found->rows), compare_rows);
	sum_up(found);
	*status = LEAKS_UNTOLD;
	if (!leaks_output_write(request->log ? request->log : "-", &(struct leaks_output){ print, found }, error) ||
	    (request->junit && !write_junit(found, error)))
		return false;
	*status = leaks_growth_get_status(found);
	if (*status == LEAKS_FOUND)
		*status = request->exit_code;
	return true;
}
