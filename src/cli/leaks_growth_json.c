// SPDX-License-Identifier: Apache-2.0
// Leaks by growth as JSON.  OUTSIDE.
#include <math.h>
#include <string.h>

#include "cli/leaks_growth.h"
#include "report/field.h"

static void set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

static json_t *make_real(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

// Growth in all units that there are.
static void set_growth(json_t *object, const struct leaks_growth *found, const struct leaks_growth_row *row)
{
	double error = row->error < 0 ? 0 : row->error;
	set(object, "growth_bytes", make_real(row->bytes));
	set(object, "growth_standard_error", make_real(error));
	set(object, "bytes_per_hour", make_real(leaks_growth_per_hour(found, row->bytes)));
	set(object, "bytes_per_hour_standard_error", make_real(leaks_growth_per_hour(found, error)));
	if (!found->num_units)
		return;
	set(object, "bytes_per_unit", make_real(row->bytes / (double)found->num_units));
	set(object, "bytes_per_unit_standard_error", make_real(error / (double)found->num_units));
}

static json_t *make_row(const struct leaks_growth *found, const struct leaks_growth_row *row)
{
	json_t *object = json_object(), *frames = json_array();
	set_growth(object, found, row);
	set(object, "state", json_string(leaks_growth_get_state(row)));
	set(object, "chance", make_real(row->chance));
	if (found->is_of_process)
		set(object, "kept_longer_than_seconds", make_real(row->kept_ns / 1e9));
	for (uint32_t i = 0; i < row->num_frames; i++)
		json_array_append_new(frames, field_json_frame(&found->view->frames[row->frames[i]]));
	set(object, "frames", frames);
	return object;
}

static json_t *make_lines(const char *lines)
{
	json_t *array = json_array();
	for (const char *at = lines, *end; (end = strchr(at, '\n')); at = end + 1)
		json_array_append_new(array, json_stringn(at, (size_t)(end - at)));
	return array;
}

static const char *verdict_of(const struct leaks_growth *found)
{
	enum leaks_status status = leaks_growth_get_status(found);
	return status == LEAKS_FOUND ? "leak" : status == LEAKS_CLEAN ? "clean" : "unknown";
}

static void set_watch(json_t *object, const struct leaks_growth *found)
{
	if (!found->is_of_process)
		return;
	set(object, "program", field_json_text(found->program));
	set(object, "pid", json_integer(found->pid));
	set(object, "rate_bytes", json_integer((json_int_t)found->rate_bytes));
	set(object, "watched_seconds", make_real(found->duration_ns / 1e9));
	set(object, "asked_seconds", make_real(found->watched_ns / 1e9));
	set(object, "ended_early", json_boolean(found->has_ended_early));
	set(object, "num_snapshots", json_integer((json_int_t)found->num_snapshots));
	set(object, "num_units", json_integer((json_int_t)found->num_units));
}

void leaks_growth_print_json(FILE *to, const struct leaks_growth *found)
{
	json_t *object = json_object(), *total = json_object(), *rows = json_array();
	set(object, "verdict", json_string(verdict_of(found)));
	set(object, "reason", found->untold ? field_json_text(found->untold) : json_null());
	set(object, "old", field_json_text(found->request->names[0]));
	if (!found->is_of_process)
		set(object, "new", field_json_text(found->request->names[1]));
	set_watch(object, found);
	set(object, "seconds", make_real(found->duration_ns > 0 ? found->duration_ns / 1e9 : NAN));
	set(object, "is_estimate", json_boolean(!found->is_exact));
	set(object, "confidence", json_real(found->request->confidence));
	set(object, "max_growth_bytes", json_integer(found->request->max_growth_bytes));
	set(object, "num_tests", json_integer((json_int_t)found->num_tests));
	set(object, "least_bytes", found->least_bytes > 0 ? make_real(found->least_bytes) : json_null());
	set(object, "least_samples", json_integer((json_int_t)found->least_samples));
	set(object, "num_leaks", json_integer((json_int_t)found->num_leaks));
	set_growth(total, found, &found->total);
	set(object, "total", total);
	set(object, "notes", make_lines(found->notes));
	for (size_t i = 0; i < found->num_rows && i < found->request->max_rows; i++)
		json_array_append_new(rows, make_row(found, &found->rows[i]));
	set(object, "rows", rows);
	json_dumpf(object, to, JSON_COMPACT);
	putc('\n', to);
	json_decref(object);
}
