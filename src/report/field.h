// SPDX-License-Identifier: Apache-2.0
/*
 * Field: values, and strings of somebody else's, as programs read them: in JSON (jansson) and CSV (RFC 4180).
 *
 * OUTSIDE; any thread.  What is not UTF-8, and control characters, become U+FFFD.  Standard errors are as everywhere:
 * below 0 the value is exact, which is written as 0, and NAN is not known.
 */
#ifndef CAIRN_REPORT_FIELD_H
#define CAIRN_REPORT_FIELD_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "report/view.h"

json_t *field_json_text(const char *string);
json_t *field_json_error(double standard_error); // null: not known
// An object with name, file, line and binary.
json_t *field_json_frame(const struct view_frame *frame);

// A string in quotation marks.
void field_print_text(FILE *to, const char *string);
// A part of one, of what is harmless already (printable_add_utf8()); the quotation marks around it are the caller's.
void field_print_quoted(FILE *to, const char *harmless);
// A number; nothing for one that is not known (NAN).
void field_print_real(FILE *to, double value);
// Two fields: a value and its error.
void field_print_value(FILE *to, int64_t value, double standard_error);

#endif
