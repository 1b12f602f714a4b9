// SPDX-License-Identifier: Apache-2.0
/*
 * Columns: what the columns of a board are called, and their values as people read them.
 *
 * OUTSIDE.
 */
#ifndef CAIRN_REPORT_COLUMNS_H
#define CAIRN_REPORT_COLUMNS_H

#include "base/text.h"
#include "report/board.h"

struct column {
	const char *name;  // for --sort: "live"
	const char *title; // "LIVE"
	const char *field; // in files, with its unit: "live_bytes"
	char key;          // that sorts by it
	const char *meaning;
};

const struct column *column_get(enum board_column column);

// False, with the names there are, if there is none of this name.
bool column_find(const char *name, enum board_column *column, struct error *error);

// "1.21 GiB ±0.04", "3h02m"; "-" if it is not known.
void column_add_value(struct text *text, enum board_column column, const struct board_value *value);

// The same in column_width() columns: points and errors stand below each other, and the title above them.
void column_add_cell(struct text *text, enum board_column column, const struct board_value *value, bool is_estimate);
void column_add_title(struct text *text, enum board_column column, bool is_estimate);
size_t column_width(enum board_column column, bool is_estimate);

// The columns that fit beside at least name_columns for a name, in the order of enum board_column: how many.
// The one that is sorted by is always among them.
size_t column_choose(enum board_column *chosen, enum board_column sorted, bool is_estimate, size_t name_columns,
		     size_t max_columns);

#endif
