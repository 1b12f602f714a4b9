// SPDX-License-Identifier: Apache-2.0
// Columns: what the columns of a board are called, and their values.  OUTSIDE.
#include "report/columns.h"

#include <math.h>
#include <string.h>

#include "report/units.h"

static const struct column columns[] = {
	[BOARD_LIVE] = { "live", "LIVE", "live_bytes", 'l', "bytes that are allocated now" },
	[BOARD_GROWTH] = { "growth", "GROWTH", "growth_bytes", 'g', "by how much live bytes have grown since the baseline" },
	[BOARD_RATE] = { "rate", "RATE/s", "rate_bytes_per_s", 'a', "bytes allocated a second" },
	[BOARD_COUNT] = { "count", "COUNT", "live_objects", 'c', "blocks that are allocated now" },
	[BOARD_AGE] = { "age", "OLDEST", "oldest_age_s", 'o', "age of the oldest live block that was recorded" },
	[BOARD_PEAK] = { "peak", "PEAK", "peak_bytes", 'p', "bytes when the whole heap was largest" },
};

const struct column *column_get(enum board_column column)
{
	return &columns[column];
}

bool column_find(const char *name, enum board_column *column, struct error *error)
{
	for (int i = 0; i < BOARD_NUM_COLUMNS; i++) {
		if (strcmp(name, columns[i].name) != 0)
			continue;
		*column = (enum board_column)i;
		return true;
	}
	return error_set(error, "%s: no such column; there are live, growth, rate, count, age and peak", name);
}

void column_add_value(struct text *text, enum board_column column, const struct board_value *value)
{
	if (isnan(value->value))
		text_add(text, "-");
	else if (column == BOARD_AGE)
		units_add_duration(text, (int64_t)fmin(value->value, 9e18));
	else if (column == BOARD_COUNT)
		units_add_count_estimate(text, value->value, value->standard_error);
	else
		units_add_bytes_estimate(text, value->value, value->standard_error);
}

static size_t width_of_value(enum board_column column)
{
	static const size_t widths[] = {
		[BOARD_LIVE] = sizeof("1.21 GiB"), [BOARD_GROWTH] = sizeof("-1.21 GiB"), [BOARD_RATE] = sizeof("1.21 GiB"),
		[BOARD_COUNT] = sizeof("1.23k"),   [BOARD_AGE] = sizeof("12d03h"),	 [BOARD_PEAK] = sizeof("1.21 GiB"),
	};
	return widths[column] - 1;
}

size_t column_width(enum board_column column, bool is_estimate)
{
	bool has_error = is_estimate && column != BOARD_AGE;
	return width_of_value(column) + (has_error ? units_width(units_plus_minus()) + sizeof(" 0.04") - 1 : 0);
}

static void add_spaces(struct text *text, size_t from, size_t to)
{
	for (; from < to; from++)
		text_add(text, " ");
}

void column_add_cell(struct text *text, enum board_column column, const struct board_value *value, bool is_estimate)
{
	char storage[100];
	struct text cell = TEXT_ON(storage);
	column_add_value(&cell, column, value);
	const char *error = strstr(storage, units_plus_minus());
	size_t width = units_width(storage), width_of_error = error ? units_width(error) + 1 : 0;
	size_t before = width - width_of_error, room = width_of_value(column);
	add_spaces(text, before, room);
	text_add(text, storage);
	add_spaces(text, (before < room ? room : before) + width_of_error, column_width(column, is_estimate));
}

void column_add_title(struct text *text, enum board_column column, bool is_estimate)
{
	add_spaces(text, strlen(columns[column].title), width_of_value(column));
	text_add(text, columns[column].title);
	add_spaces(text, width_of_value(column), column_width(column, is_estimate));
}

size_t column_choose(enum board_column *chosen, enum board_column sorted, bool is_estimate, size_t name_columns,
		     size_t max_columns)
{
	bool is_chosen[BOARD_NUM_COLUMNS] = { false };
	size_t used = column_width(sorted, is_estimate) + 2 + name_columns, num = 0;
	is_chosen[sorted] = true;
	for (int i = 0; i < BOARD_NUM_COLUMNS; i++) {
		size_t width = column_width((enum board_column)i, is_estimate) + 2;
		if (is_chosen[i] || used + width > max_columns)
			continue;
		is_chosen[i] = true;
		used += width;
	}
	for (int i = 0; i < BOARD_NUM_COLUMNS; i++)
		if (is_chosen[i])
			chosen[num++] = (enum board_column)i;
	return num;
}
