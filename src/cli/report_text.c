// SPDX-License-Identifier: Apache-2.0
// `cairn report` for people: tables of functions, stacks and labels.  OUTSIDE.
#include "cli/report.h"

#include <math.h>
#include <stdlib.h>

#include "base/sums.h"
#include "cli/report_heading.h"
#include "cli/table.h"
#include "report/printable.h"
#include "report/quantity.h"
#include "report/stacks.h"
#include "report/units.h"

#define SHARE_COLUMNS 7 // "-100.0%"

static const struct table_columns columns = {
	.value = 9,           // "-1023 KiB"
	.error = 5,           // "±0.04"
	.narrowest_name = 16, // which leaves a table within 80
};

// Of the whole profile.
static void put_share(struct table *table, const struct view *view, int64_t value)
{
	char cell[32] = "-";
	int64_t whole = view->whole_totals[view->type];
	if (whole)
		snprintf(cell, sizeof(cell), "%.1f%%", 100 * (double)value / fabs((double)whole));
	table_put_right(table, cell, SHARE_COLUMNS);
}

static void put_value(struct table *table, const struct view *view, int64_t value, double standard_error)
{
	table_put_value(table, value, standard_error, false);
	put_share(table, view, value);
}

static void put_titles(struct table *table, const char *value, const char *share)
{
	table_put_value_title(table, value);
	table_put_right(table, share, SHARE_COLUMNS);
}

static void print_rest(struct table *table, size_t num_all, size_t num_printed, const char *what)
{
	if (num_printed < num_all)
		fprintf(table->to, "(%zu more %s)\n", num_all - num_printed, what);
}

static void print_functions(struct table *table, const struct report *report)
{
	struct ranking ranking;
	int64_t sum = 0;
	ranking_init(&ranking, report->view, report->order);
	table_begin_titles(table);
	put_titles(table, "FLAT", "FLAT%");
	table_put_right(table, "SUM%", SHARE_COLUMNS);
	put_titles(table, "CUM", "CUM%");
	table_end_titles(table, report->viewing.request.by_lines ? "LINE" : "FUNCTION");
	uint32_t num_printed = ranking.num_rows < report->num_functions ? ranking.num_rows : report->num_functions;
	for (uint32_t i = 0; i < num_printed; i++) {
		const struct ranking_row *row = &ranking.rows[i];
		sum = sums_add(sum, row->flat);
		put_value(table, report->view, row->flat, row->flat_error);
		put_share(table, report->view, sum);
		put_value(table, report->view, row->cum, row->cum_error);
		table_end_with_frame(table, &report->view->frames[row->frame]);
	}
	print_rest(table, ranking.num_rows, num_printed,
		   report->viewing.request.by_lines ? "lines; -n 0 shows all" : "functions; -n 0 shows all");
	ranking_deinit(&ranking);
}

static void print_stacks(struct table *table, const struct report *report)
{
	const struct view *view = report->lines;
	struct stacks stacks;
	stacks_init(&stacks, view);
	table_begin_titles(table);
	put_titles(table, "VALUE", "SHARE");
	table_end_titles(table, "STACK");
	size_t num_printed = stacks.num_rows < report->num_stacks ? stacks.num_rows : report->num_stacks;
	for (size_t i = 0; i < num_printed; i++) {
		const struct stacks_row *row = &stacks.rows[i];
		put_value(table, view, row->value, row->error);
		size_t indent = table->used_columns;
		for (uint32_t j = 0; j < row->num_frames; j++) {
			table_put(table, "", j ? indent : 0);
			table_end_with_frame(table, &view->frames[row->frames[j]]);
		}
		if (!row->num_frames)
			table_end(table, "[no stack]");
	}
	print_rest(table, stacks.num_rows, num_printed, "stacks; --stacks 0 shows all");
	stacks_deinit(&stacks);
}

static void put_label(struct table *table, const struct by_label_row *row)
{
	char storage[128];
	struct text text = TEXT_ON(storage);
	if (row->string) {
		char *name = printable_create(row->string, printable_add);
		table_end(table, name);
		free(name);
		return;
	}
	if (!row->has_label)
		text_add(&text, "(none)");
	else if (*row->unit)
		quantity_add(&text, row->unit, (double)row->number, UNITS_EXACT);
	else
		text_add_signed(&text, row->number);
	table_end(table, storage);
}

static void print_by_label(struct table *table, const struct report *report)
{
	char storage[128];
	struct text title = TEXT_ON(storage);
	printable_add_cut(&title, report->label, 40);
	table_begin_titles(table);
	put_titles(table, "VALUE", "SHARE");
	table_end_titles(table, storage);
	for (size_t i = 0; i < report->by_label.num_rows; i++) {
		const struct by_label_row *row = &report->by_label.rows[i];
		put_value(table, report->view, row->value, row->error);
		put_label(table, row);
	}
}

static void suggest_type(FILE *to, const char *zero, const char *other)
{
	char *shown = printable_create(zero, printable_add), *suggested = printable_create(other, printable_add);
	fprintf(to, "%s is 0 everywhere; try --type %s\n", shown, suggested);
	free(shown);
	free(suggested);
}

// Why there is nothing to show, if there is not.
static bool say_nothing(FILE *to, const struct view *view)
{
	int64_t whole = view->whole_totals[view->type];
	size_t other = 0;
	for (size_t i = 0; i < view->num_stacks; i++)
		if (view_value(view, &view->stacks[i], 0))
			return false;
	while (other < view->num_types && !view->whole_totals[other])
		other++;
	fprintf(to, "\nnothing to show: ");
	if (whole)
		fprintf(to, "no stack is left by --focus and --ignore\n");
	else if (other < view->num_types)
		suggest_type(to, view->types[view->type].type, view->types[other].type);
	else
		fprintf(to, "all values are 0\n");
	return true;
}

void report_print_text(FILE *to, const struct report *report)
{
	const struct view *view = report->view;
	struct table table;
	table_init(&table, to, view->types[view->type].unit, columns, view_total_error(view, 0) > 0);
	report_print_heading(to, report);
	if (say_nothing(to, view))
		return;
	if (report->label) {
		print_by_label(&table, report);
	} else {
		print_functions(&table, report);
		print_stacks(&table, report);
	}
}
