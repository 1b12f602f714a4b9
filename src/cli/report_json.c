// SPDX-License-Identifier: Apache-2.0
// `cairn report --json`.  OUTSIDE.
#include "cli/report.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/sums.h"
#include "report/field.h"

static void set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

static json_t *make_function(const struct view *view, const struct ranking_row *row)
{
	json_t *object = field_json_frame(&view->frames[row->frame]);
	set(object, "flat", json_integer(row->flat));
	set(object, "flat_standard_error", field_json_error(row->flat_error));
	set(object, "cum", json_integer(row->cum));
	set(object, "cum_standard_error", field_json_error(row->cum_error));
	return object;
}

static json_t *make_functions(const struct report *report)
{
	struct ranking ranking;
	json_t *array = json_array();
	ranking_init(&ranking, report->view, report->order);
	for (uint32_t i = 0; i < ranking.num_rows; i++)
		json_array_append_new(array, make_function(report->view, &ranking.rows[i]));
	ranking_deinit(&ranking);
	return array;
}

static json_t *make_label(const struct profile_label *label)
{
	json_t *object = json_object();
	set(object, "key", field_json_text(label->key));
	set(object, "value", label->string ? field_json_text(label->string) : json_integer(label->number));
	if (!label->string && *label->unit)
		set(object, "unit", field_json_text(label->unit));
	return object;
}

static json_t *make_labels(const struct view *view, uint32_t label_set)
{
	json_t *array = json_array();
	size_t num_labels;
	const struct profile_label *labels = store_get_labels(view->store, label_set, &num_labels);
	for (size_t i = 0; i < num_labels; i++)
		json_array_append_new(array, make_label(&labels[i]));
	return array;
}

// A member of an object that is printed piece by piece: a tree of all stacks would be large.
static void print_member(FILE *to, const char *before, const char *key, json_t *value)
{
	fprintf(to, "%s\"%s\":", before, key);
	json_dumpf(value, to, JSON_COMPACT | JSON_ENCODE_ANY);
	json_decref(value);
}

// The texts of frames are made when they are first needed.
static void print_stack(FILE *to, const struct view *view, const struct view_stack *stack, char **frames)
{
	json_t *values = json_array(), *errors = json_array();
	for (size_t i = 0; i < view->num_types; i++) {
		json_array_append_new(values, json_integer(stack->values[i]));
		json_array_append_new(errors, field_json_error(sums_error(stack->variances[i])));
	}
	print_member(to, "{", "values", values);
	print_member(to, ",", "standard_errors", errors);
	print_member(to, ",", "labels", make_labels(view, stack->label_set));
	fputs(",\"frames\":[", to);
	for (uint32_t i = 0; i < stack->num_frames; i++) {
		char **frame = &frames[stack->frames[i]];
		if (!*frame) {
			json_t *object = field_json_frame(&view->frames[stack->frames[i]]);
			*frame = json_dumps(object, JSON_COMPACT);
			json_decref(object);
		}
		fputs(i ? "," : "", to);
		fputs(*frame ? *frame : "null", to);
	}
	fputs("]}", to);
}

static void print_stacks(FILE *to, const struct view *view)
{
	char **frames = memory_get(view->num_frames, sizeof(*frames));
	fputs(",\"stacks\":[", to);
	for (size_t i = 0; i < view->num_stacks; i++) {
		fputs(i ? ",\n" : "\n", to);
		print_stack(to, view, &view->stacks[i], frames);
	}
	putc(']', to);
	for (uint32_t i = 0; i < view->num_frames; i++)
		free(frames[i]);
	free(frames);
}

static json_t *make_type(const struct profile_type *type)
{
	json_t *object = json_object();
	set(object, "type", field_json_text(type->type));
	set(object, "unit", field_json_text(type->unit));
	return object;
}

static json_t *make_types(const struct view *view)
{
	json_t *array = json_array();
	for (size_t i = 0; i < view->num_types; i++) {
		json_t *object = make_type(&view->types[i]);
		set(object, "total", json_integer(view->totals[i]));
		set(object, "total_standard_error", field_json_error(sums_error(view->variances[i])));
		set(object, "whole_total", json_integer(view->whole_totals[i]));
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *make_by_label(const struct by_label *by_label)
{
	json_t *array = json_array();
	for (size_t i = 0; i < by_label->num_rows; i++) {
		const struct by_label_row *row = &by_label->rows[i];
		json_t *object = json_object();
		set(object, "label", !row->has_label ? json_null() : row->string ? field_json_text(row->string) : json_integer(row->number));
		if (row->has_label && !row->string && *row->unit)
			set(object, "unit", field_json_text(row->unit));
		set(object, "value", json_integer(row->value));
		set(object, "standard_error", field_json_error(row->error));
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *make_strings(const char *const *strings, size_t num_strings)
{
	json_t *array = json_array();
	for (size_t i = 0; i < num_strings; i++)
		json_array_append_new(array, field_json_text(strings[i]));
	return array;
}

static json_t *make_about(const struct report *report)
{
	const struct about *about = &report->about;
	const struct store_side *side = &report->store->sides[0];
	json_t *object = json_object();
	set(object, "kind", field_json_text(about->kind));
	set(object, "program", field_json_text(about->path));
	set(object, "build_id", field_json_text(about->build_id));
	set(object, "command", field_json_text(about->command));
	set(object, "pid", about->pid ? json_integer((json_int_t)about->pid) : json_null());
	set(object, "start_time_ns", about->start_time_ns ? json_integer(about->start_time_ns) : json_null());
	set(object, "time_ns", side->time_ns ? json_integer(side->time_ns) : json_null());
	set(object, "duration_ns", side->duration_ns ? json_integer(side->duration_ns) : json_null());
	set(object, "period", report->store->period ? json_integer(report->store->period) : json_null());
	set(object, "period_type", make_type(&report->store->period_type));
	set(object, "samples", about->has_num_samples ? json_integer((json_int_t)about->num_samples) : json_null());
	set(object, "losses", make_strings(about->losses, about->num_losses));
	set(object, "comments", make_strings(side->comments, side->num_comments));
	return object;
}

void report_print_json(FILE *to, const struct report *report)
{
	const struct view *view = report->view;
	print_member(to, "{", "profile", make_about(report));
	print_member(to, ",", "types", make_types(view));
	print_member(to, ",", "type", field_json_text(view->types[view->type].type));
	print_member(to, ",", "functions", make_functions(report));
	if (report->label)
		print_member(to, ",", "by_label", make_by_label(&report->by_label));
	print_stacks(to, view);
	fputs("}\n", to);
}
