// SPDX-License-Identifier: Apache-2.0
// Field: values and strings as programs read them.  OUTSIDE.
#include "report/field.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/printable.h"

json_t *field_json_text(const char *string)
{
	char *harmless = printable_create(string, printable_add_utf8);
	json_t *text = json_string(harmless);
	free(harmless);
	return text;
}

json_t *field_json_error(double standard_error)
{
	return isnan(standard_error) ? json_null() : json_real(fmax(standard_error, 0));
}

json_t *field_json_frame(const struct view_frame *frame)
{
	json_t *object = json_object();
	json_object_set_new(object, "name", field_json_text(frame->name));
	json_object_set_new(object, "file", field_json_text(frame->file));
	json_object_set_new(object, "line", json_integer(frame->line));
	json_object_set_new(object, "binary", field_json_text(frame->binary));
	return object;
}

void field_print_quoted(FILE *to, const char *harmless)
{
	for (const char *quote; (quote = strchr(harmless, '"')); harmless = quote + 1) {
		fwrite(harmless, 1, (size_t)(quote - harmless), to);
		fputs("\"\"", to);
	}
	fputs(harmless, to);
}

void field_print_text(FILE *to, const char *string)
{
	char *harmless = printable_create(string, printable_add_utf8);
	putc('"', to);
	field_print_quoted(to, harmless);
	putc('"', to);
	free(harmless);
}

void field_print_real(FILE *to, double value)
{
	if (!isnan(value))
		fprintf(to, "%.15g", value);
}

void field_print_value(FILE *to, int64_t value, double standard_error)
{
	fprintf(to, "%" PRId64 ",", value);
	field_print_real(to, isnan(standard_error) ? NAN : fmax(standard_error, 0));
}
