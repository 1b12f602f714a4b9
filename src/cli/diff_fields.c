// SPDX-License-Identifier: Apache-2.0
// `cairn diff --json` and `--csv`.  OUTSIDE.
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/sums.h"
#include "cli/diff.h"
#include "report/field.h"
#include "report/frame_name.h"

static size_t num_rows(const struct diff *diff)
{
	return diff->growth.num_rows < diff->max_rows ? diff->growth.num_rows : diff->max_rows;
}

static void set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

static json_t *make_change(const struct growth_change *change, double chance)
{
	json_t *object = json_object();
	set(object, "growth", json_integer(growth_get(change)));
	set(object, "growth_standard_error", field_json_error(growth_get_error(change)));
	set(object, "old", json_integer(change->values[0]));
	set(object, "old_standard_error", field_json_error(sums_error(change->variances[0])));
	set(object, "new", json_integer(change->values[1]));
	set(object, "new_standard_error", field_json_error(sums_error(change->variances[1])));
	set(object, "chance", isnan(chance) ? json_null() : json_real(chance));
	return object;
}

// Frames are made once, however many rows have them.
static json_t *make_row(const struct view *view, const struct growth_row *row, json_t **frames)
{
	json_t *object = make_change(&row->change, row->chance), *stack = json_array();
	set(object, "significant", json_boolean(row->is_significant));
	set(object, "state", json_string(diff_get_state(&row->change)));
	for (uint32_t i = 0; i < row->num_frames; i++) {
		json_t **frame = &frames[row->frames[i]];
		if (!*frame)
			*frame = field_json_frame(&view->frames[row->frames[i]]);
		json_array_append(stack, *frame);
	}
	set(object, "frames", stack);
	return object;
}

static json_t *make_rows(const struct diff *diff)
{
	json_t **frames = memory_get(diff->view->num_frames, sizeof(*frames));
	json_t *rows = json_array();
	for (size_t i = 0; i < num_rows(diff); i++)
		json_array_append_new(rows, make_row(diff->view, &diff->growth.rows[i], frames));
	for (uint32_t i = 0; i < diff->view->num_frames; i++)
		json_decref(frames[i]);
	free(frames);
	return rows;
}

void diff_print_json(FILE *to, const struct diff *diff)
{
	const struct view *view = diff->view;
	static const char *const subjects[] = { "stacks", "flat", "cum" };
	json_t *object = json_object();
	set(object, "old", field_json_text(diff->names[0]));
	set(object, "new", field_json_text(diff->names[1]));
	set(object, "type", field_json_text(view->types[view->type].type));
	set(object, "unit", field_json_text(view->types[view->type].unit));
	set(object, "rows_are", json_string(subjects[diff->subject]));
	set(object, "is_estimate", json_boolean(diff->is_estimate));
	set(object, "is_one_process", json_boolean(diff->is_one_process));
	set(object, "confidence", json_real(diff->confidence));
	set(object, "total", make_change(&diff->growth.total, diff->growth.total_chance));
	set(object, "num_rows", json_integer((json_int_t)diff->growth.num_rows));
	set(object, "num_significant", json_integer((json_int_t)diff->growth.num_significant));
	set(object, "rows", make_rows(diff));
	json_dumpf(object, to, JSON_COMPACT);
	putc('\n', to);
	json_decref(object);
}

// "parse;read_file;main", leaf first.  Names are made once, however many rows have them.
static void print_stack(FILE *to, const struct view *view, const struct growth_row *row, char **names)
{
	putc('"', to);
	for (uint32_t i = 0; i < row->num_frames; i++) {
		char **name = &names[row->frames[i]];
		if (!*name)
			*name = frame_name_create(&view->frames[row->frames[i]], printable_add_utf8);
		fputs(i ? ";" : "", to);
		field_print_quoted(to, *name);
	}
	putc('"', to);
}

static void print_row(FILE *to, const struct growth_row *row)
{
	const struct growth_change *change = &row->change;
	field_print_value(to, growth_get(change), growth_get_error(change));
	putc(',', to);
	field_print_value(to, change->values[0], sums_error(change->variances[0]));
	putc(',', to);
	field_print_value(to, change->values[1], sums_error(change->variances[1]));
	putc(',', to);
	field_print_real(to, row->chance);
	fprintf(to, ",%s,%s,", row->is_significant ? "true" : "false", diff_get_state(change));
}

void diff_print_csv(FILE *to, const struct diff *diff)
{
	char **names = memory_get(diff->view->num_frames, sizeof(*names));
	fputs("growth,growth_standard_error,old,old_standard_error,new,new_standard_error,chance,significant,state,", to);
	fputs(diff->subject == GROWTH_OF_STACKS ? "stack\n" : "function\n", to);
	for (size_t i = 0; i < num_rows(diff); i++) {
		print_row(to, &diff->growth.rows[i]);
		print_stack(to, diff->view, &diff->growth.rows[i], names);
		putc('\n', to);
	}
	for (uint32_t i = 0; i < diff->view->num_frames; i++)
		free(names[i]);
	free(names);
}
