// SPDX-License-Identifier: Apache-2.0
// `cairn diff` for people.  OUTSIDE.
#include <math.h>
#include <string.h>

#include "base/sums.h"
#include "base/text.h"
#include "cli/diff.h"
#include "cli/table.h"
#include "report/printable.h"
#include "report/quantity.h"
#include "report/units.h"

#define STATE_COLUMNS 10 // "appeared"
#define MAX_NAME_COLUMNS 200

static const struct table_columns columns = {
	.value = 10, // "+1023.5 KiB" at times
	.error = 6,  // "±0.04", a bit more at times
	.narrowest_name = 30,
};

static const char *rows_are(const struct diff *diff, bool is_one)
{
	if (diff->subject == GROWTH_OF_STACKS)
		return is_one ? "stack" : "stacks";
	if (diff->viewing.request.by_lines)
		return is_one ? "line" : "lines";
	return is_one ? "function" : "functions";
}

static void add_count(struct text *line, const struct diff *diff, size_t count)
{
	units_add_count(line, count);
	text_add(line, " ");
	text_add(line, rows_are(diff, count == 1));
}

static const char *unit_of(const struct diff *diff)
{
	return diff->view->types[diff->view->type].unit;
}

static void add_value(struct text *line, const struct diff *diff, uint32_t side)
{
	const struct growth_change *total = &diff->growth.total;
	quantity_add(line, unit_of(diff), (double)total->values[side], sums_error(total->variances[side]));
}

// "inuse_space grew by 4.66 MiB ±0.65, from 998 KiB ±246 to 5.63 MiB ±0.60".
static void print_total(FILE *to, const struct diff *diff)
{
	char storage[1024];
	struct text line = TEXT_ON(storage);
	int64_t growth = growth_get(&diff->growth.total);
	printable_add_cut(&line, diff->view->types[diff->view->type].type, MAX_NAME_COLUMNS);
	text_add(&line, growth < 0 ? " shrank by " : growth ? " grew by " : " did not change: ");
	if (growth) {
		quantity_add(&line, unit_of(diff), fabs((double)growth), growth_get_error(&diff->growth.total));
		text_add(&line, ", from ");
		add_value(&line, diff, 0);
		text_add(&line, " to ");
	}
	add_value(&line, diff, 1);
	if (growth && diff->is_estimate && diff->growth.total_chance > 1 - diff->confidence)
		text_add(&line, ": within noise");
	fprintf(to, "%s\n", storage);
}

static void print_verdict(FILE *to, const struct diff *diff)
{
	char storage[256];
	struct text line = TEXT_ON(storage);
	units_add_count(&line, diff->growth.num_significant);
	text_add(&line, " of ");
	add_count(&line, diff, diff->growth.num_rows);
	if (diff->is_estimate)
		fprintf(to, "%s changed by more than chance (confidence %.6g %%)\n", storage, 100 * diff->confidence);
	else
		fprintf(to, "%s changed; %s\n", storage, diff->has_no_errors ? "how sure these values are is not known" : "values are exact");
	if (diff->is_estimate && diff->is_one_process)
		fprintf(to, "both are of one process and share samples: errors are upper bounds\n");
}

static void print_titles(struct table *table, const struct diff *diff)
{
	table_begin_titles(table);
	table_put_value_title(table, "GROWTH");
	table_put_value_title(table, "OLD");
	table_put_value_title(table, "NEW");
	table_put(table, "", STATE_COLUMNS);
	table_end_titles(table, diff->subject == GROWTH_OF_STACKS ? "STACK" : diff->viewing.request.by_lines ? "LINE" : "FUNCTION");
}

static void print_row(struct table *table, const struct diff *diff, const struct growth_row *row)
{
	const char *state = diff_get_state(&row->change);
	bool is_dim = table->has_colour && !row->is_significant;
	fputs(is_dim ? "\033[2m" : "", table->to);
	table_put_value(table, growth_get(&row->change), growth_get_error(&row->change), true);
	table_put_value(table, row->change.values[0], sums_error(row->change.variances[0]), false);
	table_put_value(table, row->change.values[1], sums_error(row->change.variances[1]), false);
	bool is_noise = !row->is_significant && diff->is_estimate;
	table_put(table, is_noise ? "noise" : strcmp(state, "changed") == 0 ? "" : state, STATE_COLUMNS);
	size_t indent = table->used_columns;
	for (uint32_t i = 0; i < row->num_frames; i++) {
		table_put(table, "", i ? indent : 0);
		table_end_with_frame(table, &diff->view->frames[row->frames[i]]);
	}
	if (!row->num_frames)
		table_end(table, "[no stack]");
	fputs(is_dim ? "\033[0m" : "", table->to);
}

// What was not printed.
static void print_rest(FILE *to, const struct diff *diff, size_t num_printed)
{
	char storage[256];
	struct text line = TEXT_ON(storage);
	const struct growth *growth = &diff->growth;
	size_t num_wanted = diff->is_all ? growth->num_rows : growth->num_significant, num_rest = growth->num_rows - num_wanted;
	if (num_printed < num_wanted) {
		add_count(&line, diff, num_wanted - num_printed);
		fprintf(to, "(%s more; -n 0 shows all)\n", storage);
	}
	if (!num_rest)
		return;
	line.length = 0;
	add_count(&line, diff, num_rest);
	text_add(&line, !diff->is_estimate ? " unchanged" : num_rest == 1 ? " within noise" : " each within noise");
	if (diff->is_estimate && diff->subject != GROWTH_OF_CUM) {
		text_add(&line, num_rest == 1 ? ", " : ", together ");
		text_add(&line, growth_get(&growth->rest) > 0 ? "+" : "");
		quantity_add(&line, unit_of(diff), (double)growth_get(&growth->rest), growth_get_error(&growth->rest));
	}
	fprintf(to, "(%s; --all shows %s)\n", storage, num_rest == 1 ? "it" : "them");
}

void diff_print_text(FILE *to, const struct diff *diff)
{
	struct table table;
	const struct growth *growth = &diff->growth;
	size_t num_wanted = diff->is_all ? growth->num_rows : growth->num_significant;
	size_t num_printed = num_wanted < diff->max_rows ? num_wanted : diff->max_rows;
	table_init(&table, to, unit_of(diff), columns, diff->is_estimate);
	print_total(to, diff);
	print_verdict(to, diff);
	if (num_printed)
		print_titles(&table, diff);
	for (size_t i = 0; i < num_printed; i++)
		print_row(&table, diff, &growth->rows[i]);
	print_rest(to, diff, num_printed);
}
