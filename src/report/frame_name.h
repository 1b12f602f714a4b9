// SPDX-License-Identifier: Apache-2.0
/*
 * Frame name: what a frame is called in tables: "parse", and if it is a line of a function "parse (src/parse.c:12)".
 *
 * OUTSIDE.
 */
#ifndef CAIRN_REPORT_FRAME_NAME_H
#define CAIRN_REPORT_FRAME_NAME_H

#include "report/printable.h"
#include "report/view.h"

// Made harmless by one of printable.h's functions; to be given back with free().  Names may be long.
char *frame_name_create(const struct view_frame *frame, void (*add)(struct text *text, const char *string));

// The same for a table: of files only what follows the last '/', and if that takes more than max_columns in a terminal,
// template arguments are left out: "std::map<…>::find (map.h:12)".  It may still be wider.
char *frame_name_create_short(const struct view_frame *frame, void (*add)(struct text *text, const char *string),
			      size_t max_columns);

#endif
