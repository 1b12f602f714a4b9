// SPDX-License-Identifier: Apache-2.0
// Leaks by growth for people.  OUTSIDE.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/leaks_growth.h"
#include "cli/table.h"
#include "report/units.h"

#define CHANCE_COLUMNS 8
#define LINE_BYTES 1024

static const struct table_columns columns = {
	.value = 10, // "+1023.5 KiB" at times
	.error = 6,  // "±0.04", a bit more at times
	.narrowest_name = 30,
};

static void print_titles(struct table *table, const struct leaks_growth *found)
{
	table_begin_titles(table);
	table_put_value_title(table, "GROWTH");
	if (found->duration_ns > 0)
		table_put_value_title(table, "PER HOUR");
	if (found->num_units)
		table_put_value_title(table, "PER UNIT");
	table_put_right(table, "CHANCE", CHANCE_COLUMNS);
	table_put(table, "", CHANCE_COLUMNS);
	table_end_titles(table, "STACK");
}

static void put_value(struct table *table, double bytes, double error)
{
	table_put_value(table, (int64_t)round(bytes), error, true);
}

static double scale_error(double error, double factor)
{
	return error < 0 ? error : error * factor;
}

// How probable it is, or that it is certain.
static void put_chance(struct table *table, const struct leaks_growth_row *row)
{
	char storage[64];
	if (isnan(row->chance))
		snprintf(storage, sizeof(storage), "?");
	else if (row->chance > 0 && row->chance < 1e-9)
		snprintf(storage, sizeof(storage), "<1e-9");
	else
		snprintf(storage, sizeof(storage), "%.2g", row->chance);
	table_put_right(table, storage, CHANCE_COLUMNS);
}

static void put_stack(struct table *table, const struct leaks_growth *found, const struct leaks_growth_row *row)
{
	size_t indent = table->used_columns;
	for (uint32_t i = 0; i < row->num_frames; i++) {
		table_put(table, "", i ? indent : 0);
		table_end_with_frame(table, &found->view->frames[row->frames[i]]);
	}
	if (!row->num_frames)
		table_end(table, "[no stack]");
}

static void print_row(struct table *table, const struct leaks_growth *found, const struct leaks_growth_row *row)
{
	double factor = leaks_growth_per_hour(found, 1), per_unit = found->num_units ? 1 / (double)found->num_units : 0;
	bool is_dim = table->has_colour && row->state != DECISION_LEAK;
	fputs(is_dim ? "\033[2m" : "", table->to);
	put_value(table, row->bytes, row->error);
	if (found->duration_ns > 0)
		put_value(table, row->bytes * factor, scale_error(row->error, factor));
	if (found->num_units)
		put_value(table, row->bytes * per_unit, scale_error(row->error, per_unit));
	put_chance(table, row);
	table_put(table, row->state == DECISION_LEAK ? "" : leaks_growth_get_state(row), CHANCE_COLUMNS);
	put_stack(table, found, row);
	fputs(is_dim ? "\033[0m" : "", table->to);
}

static void print_rows(FILE *to, const struct leaks_growth *found)
{
	struct table table;
	size_t num_wanted = 0, num_printed;
	while (num_wanted < found->num_rows && found->rows[num_wanted].state != DECISION_CHANCE)
		num_wanted++;
	num_printed = num_wanted < found->request->max_rows ? num_wanted : found->request->max_rows;
	table_init(&table, to, "bytes", columns, !found->is_exact);
	if (num_printed)
		print_titles(&table, found);
	for (size_t i = 0; i < num_printed; i++)
		print_row(&table, found, &found->rows[i]);
	if (num_printed < num_wanted)
		fprintf(to, "(%zu more)\n", num_wanted - num_printed);
	if (num_printed)
		putc('\n', to);
}

// "61.0 MiB ±9.0 per hour", and what that is for a unit of work.
static void add_growth(struct text *line, const struct leaks_growth *found)
{
	double factor = leaks_growth_per_hour(found, 1), per_unit = 1 / (double)found->num_units;
	bool has_hours = found->duration_ns > 0;
	factor = has_hours ? factor : 1;
	units_add_bytes_estimate(line, found->total.bytes * factor, scale_error(found->total.error, factor));
	text_add(line, has_hours ? " per hour" : "");
	if (!found->num_units)
		return;
	text_add(line, ", ");
	units_add_bytes_estimate(line, found->total.bytes * per_unit, scale_error(found->total.error, per_unit));
	text_add(line, " per unit of work,");
}

// What the words in the table mean, if they are there.
static void print_states(FILE *to, const struct leaks_growth *found)
{
	bool has[DECISION_CHANCE + 1] = { false };
	for (size_t i = 0; i < found->num_rows && i < found->request->max_rows; i++)
		has[found->rows[i].state] = true;
	if (has[DECISION_STOPPED])
		fputs("stopped: it grew, but not in the later part of the time, as a cache does that is full\n", to);
	if (has[DECISION_PASSING])
		fputs("passing: it grew, and what came went again\n", to);
}

static void add_leaks(struct text *text, const struct leaks_growth *found)
{
	text_add(text, found->is_too_small ? "clean: grows by " : "LEAK: grows by ");
	add_growth(text, found);
	text_add(text, " in ");
	text_add_number(text, found->num_leaks);
	text_add(text, found->num_leaks == 1 ? " stack" : " stacks");
	if (!found->is_exact || found->is_of_process) {
		char percent[32];
		snprintf(percent, sizeof(percent), " (%.6g %% sure)", 100 * found->request->confidence);
		text_add(text, percent);
	}
	text_add(text, found->is_too_small ? ", no more than --max-growth allows" : "");
}

// The least that would have been called growth.
static void add_limit(struct text *text, const struct leaks_growth *found)
{
	if (!(found->least_bytes > 0) && !found->least_samples)
		return;
	if (found->least_bytes > 0) {
		text_add(text, " (a leak of less than about ");
		units_add_bytes(text, found->least_bytes);
	} else {
		text_add(text, " (a leak at fewer than ");
		text_add_number(text, found->least_samples);
		text_add(text, " moments");
	}
	if (found->is_of_process) {
		text_add(text, " in ");
		units_add_duration(text, (int64_t)found->duration_ns);
	}
	text_add(text, " would not be seen)");
}

void leaks_growth_add_answer(struct text *text, const struct leaks_growth *found)
{
	if (found->num_leaks && !(found->is_too_small && found->untold)) {
		add_leaks(text, found);
	} else if (found->untold) {
		text_add(text, "could not tell: ");
		text_add(text, found->untold);
	} else {
		text_add(text, "clean: no stack grew");
		text_add(text, found->is_of_process || !found->is_exact ? " by more than chance" : "");
		add_limit(text, found);
	}
}

void leaks_growth_print_text(FILE *to, const struct leaks_growth *found)
{
	fputs(found->heading, to);
	print_rows(to, found);
	print_states(to, found);
	fputs(found->notes, to);
	char storage[LINE_BYTES];
	struct text answer = TEXT_ON(storage);
	leaks_growth_add_answer(&answer, found);
	fprintf(to, "cairn: %s\n", storage);
}
