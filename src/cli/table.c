// SPDX-License-Identifier: Apache-2.0
// Table: values with their errors, and names, in lines for people.  OUTSIDE.
#include "cli/table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/command.h"
#include "report/frame_name.h"
#include "report/quantity.h"
#include "report/units.h"

static size_t get_width(FILE *to)
{
	struct winsize size;
	bool is_known = isatty(fileno(to)) && ioctl(fileno(to), TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
	return is_known ? size.ws_col : SIZE_MAX;
}

void table_init(struct table *table, FILE *to, const char *unit, struct table_columns columns, bool has_errors)
{
	*table = (struct table){
		.to = to,
		.unit = unit,
		.columns = columns,
		.has_errors = has_errors,
		.has_colour = command_may_colour(to),
		.max_columns = get_width(to),
	};
}

static void pad(struct table *table, size_t num_columns)
{
	fprintf(table->to, "%*s", (int)num_columns, "");
	table->used_columns += num_columns;
}

static void pad_to(struct table *table, const char *cell, size_t num_columns)
{
	size_t width = units_width(cell);
	pad(table, width < num_columns ? num_columns - width : 0);
}

void table_put(struct table *table, const char *string, size_t num_columns)
{
	fputs(string, table->to);
	table->used_columns += units_width(string);
	pad_to(table, string, num_columns);
}

void table_put_right(struct table *table, const char *string, size_t num_columns)
{
	pad_to(table, string, num_columns);
	table_put(table, string, 0);
	pad(table, 2);
}

// What separates columns is behind the error, which there is room for if any value has one.
static void put_value(struct table *table, const char *value, const char *error)
{
	pad_to(table, value, table->columns.value);
	table_put(table, value, 0);
	if (table->has_errors) {
		pad(table, 1);
		table_put(table, error, table->columns.error);
	}
	pad(table, 2);
}

void table_put_value(struct table *table, int64_t value, double standard_error, bool has_plus)
{
	char storage[128];
	struct text cell = TEXT_ON(storage);
	text_add(&cell, has_plus && value > 0 ? "+" : "");
	quantity_add(&cell, table->unit, (double)value, standard_error);
	char *error = strstr(storage, units_plus_minus());
	if (error)
		error[-1] = 0;
	put_value(table, storage, error ? error : "");
}

void table_put_value_title(struct table *table, const char *title)
{
	put_value(table, title, "");
}

void table_begin_titles(struct table *table)
{
	fputs(table->has_colour ? "\n\033[1m" : "\n", table->to);
}

void table_end_titles(struct table *table, const char *last)
{
	fprintf(table->to, "%s%s\n", last, table->has_colour ? "\033[0m" : "");
	table->used_columns = 0;
}

static size_t width_left(const struct table *table)
{
	size_t least = table->columns.narrowest_name;
	bool is_narrow = table->max_columns < table->used_columns + least;
	return is_narrow ? least : table->max_columns - table->used_columns;
}

void table_end(struct table *table, const char *name)
{
	size_t num_bytes = strlen(name) + 8; // with the sign of a cut
	struct text cut = { .start = memory_get(num_bytes, 1), .size_bytes = num_bytes };
	printable_add_cut(&cut, name, width_left(table));
	fprintf(table->to, "%s\n", cut.start);
	free(cut.start);
	table->used_columns = 0;
}

void table_end_with_frame(struct table *table, const struct view_frame *frame)
{
	char *name = frame_name_create_short(frame, printable_add, width_left(table));
	table_end(table, name);
	free(name);
}
