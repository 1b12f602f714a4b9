// SPDX-License-Identifier: Apache-2.0
/*
 * Table: values with their errors, and names as wide as the terminal lets them be, in lines for people.
 *
 * OUTSIDE.
 */
#ifndef CAIRN_CLI_TABLE_H
#define CAIRN_CLI_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "report/view.h"

struct table_columns {
	size_t value, error;  // what is wider moves what follows
	size_t narrowest_name; // of a terminal's width names get no less
};

struct table {
	FILE *to;
	const char *unit; // of values (quantity.h)
	struct table_columns columns;
	bool has_errors;
	bool has_colour;
	size_t max_columns;  // SIZE_MAX: no limit
	size_t used_columns; // of the line
};

void table_init(struct table *table, FILE *to, const char *unit, struct table_columns columns, bool has_errors);

// Around a line of titles, of which the last is that of names.
void table_begin_titles(struct table *table);
void table_end_titles(struct table *table, const char *last);

// Points stand below each other, and so do errors.  Below 0 or NAN: none is shown.
void table_put_value(struct table *table, int64_t value, double standard_error, bool has_plus);
// The title of such a column.
void table_put_value_title(struct table *table, const char *title);

// A harmless string, on the left of its columns or on the right and with what separates columns behind it.
void table_put(struct table *table, const char *string, size_t num_columns);
void table_put_right(struct table *table, const char *string, size_t num_columns);

// The rest of the line: a harmless name, or a frame's, cut to what is left of it.
void table_end(struct table *table, const char *name);
void table_end_with_frame(struct table *table, const struct view_frame *frame);

#endif
