// SPDX-License-Identifier: Apache-2.0
// Units: numbers as people read them.  OUTSIDE.
#include "report/units.h"

#include <langinfo.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

// What a number is divided by, and how that is called.
struct scale {
	double one;
	const char *name;
	int num_decimals;
};

bool units_has_utf8(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

const char *units_plus_minus(void)
{
	return units_has_utf8() ? "±" : "+-";
}

size_t units_width(const char *string)
{
	size_t width = 0;
	mbstate_t state = { 0 };
	for (size_t left = strlen(string); left > 0;) {
		wchar_t character;
		size_t length = mbrtowc(&character, string, left, &state);
		if (length == 0 || length > left)
			return width + left;
		int columns = wcwidth(character);
		width += columns > 0 ? (size_t)columns : 0;
		string += length;
		left -= length;
	}
	return width;
}

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...)
{
	char piece[64];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(piece, sizeof(piece), format, arguments);
	va_end(arguments);
	text_add(text, piece);
}

static int decimals_of(double shown)
{
	return shown < 9.995 ? 2 : shown < 99.95 ? 1 : 0;
}

// Decimals for three digits, where a number of the first scale has none.
static struct scale scale_of(double number, double step, double carry, const char *const *names, size_t num_names)
{
	struct scale scale = { .one = 1, .name = names[0] };
	double size = fabs(number);
	for (size_t i = 1; i < num_names && size >= carry * scale.one; i++)
		scale = (struct scale){ .one = scale.one * step, .name = names[i] };
	if (scale.one > 1)
		scale.num_decimals = decimals_of(size / scale.one);
	return scale;
}

static struct scale scale_of_bytes(double bytes)
{
	static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	return scale_of(bytes, 1024, 1023.5, names, sizeof(names) / sizeof(names[0]));
}

static struct scale scale_of_count(double count)
{
	static const char *const names[] = { "", "k", "M", "G", "T", "P", "E" };
	return scale_of(count, 1000, 999.5, names, sizeof(names) / sizeof(names[0]));
}

// With as many decimals as the number has, or more: what is small must not look like nothing.
static void add_error(struct text *text, const struct scale *scale, double standard_error)
{
	double shown = standard_error / scale->one;
	int num_needed = shown > 0 && shown < 0.095 ? 2 : shown > 0 && shown < 9.95 ? 1 : 0;
	if (shown >= 0)
		add(text, " %s%.*f", units_plus_minus(), num_needed > scale->num_decimals ? num_needed : scale->num_decimals, shown);
}

void units_add_bytes_estimate(struct text *text, double bytes, double standard_error)
{
	struct scale scale = scale_of_bytes(fmax(fabs(bytes), standard_error));
	add(text, "%.*f %s", scale.num_decimals, bytes / scale.one, scale.name);
	add_error(text, &scale, standard_error);
}

void units_add_bytes(struct text *text, double bytes)
{
	units_add_bytes_estimate(text, bytes, UNITS_EXACT);
}

void units_add_count(struct text *text, uint64_t count)
{
	if (count >= 1000) {
		units_add_count(text, count / 1000);
		text_add(text, ",");
		text_add_padded(text, count % 1000, 3);
	} else {
		text_add_number(text, count);
	}
}

void units_add_count_estimate(struct text *text, double count, double standard_error)
{
	struct scale scale = scale_of_count(fmax(fabs(count), standard_error));
	add(text, "%.*f%s", scale.num_decimals, count / scale.one, scale.name);
	add_error(text, &scale, standard_error);
}

void units_add_short_count(struct text *text, double count)
{
	units_add_count_estimate(text, count, UNITS_EXACT);
}

void units_add_time_estimate(struct text *text, double ns, double standard_error)
{
	static const struct scale scales[] = { { 1, "ns", 0 },    { 1e3, "us", 0 },   { 1e6, "ms", 0 }, { 1e9, "s", 0 },
					       { 60e9, "min", 0 }, { 3600e9, "h", 0 }, { 86400e9, "d", 0 } };
	double size = fmax(fabs(ns), standard_error);
	struct scale scale = scales[0];
	for (size_t i = 1; i < sizeof(scales) / sizeof(scales[0]) && size >= 0.9995 * scales[i].one; i++)
		scale = scales[i];
	if (scale.one > 1)
		scale.num_decimals = decimals_of(size / scale.one);
	add(text, "%.*f %s", scale.num_decimals, ns / scale.one, scale.one == 1e3 && units_has_utf8() ? "µs" : scale.name);
	add_error(text, &scale, standard_error);
}

void units_add_duration(struct text *text, int64_t duration_ns)
{
	static const struct {
		int64_t ns, of_next;
		const char *name, *next;
	} units[] = {
		{ INT64_C(86400000000000), 24, "d", "h" },
		{ INT64_C(3600000000000), 60, "h", "m" },
		{ INT64_C(60000000000), 60, "m", "s" },
	};
	if (duration_ns < 0) {
		text_add(text, "-");
		duration_ns = duration_ns == INT64_MIN ? INT64_MAX : -duration_ns;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (duration_ns < units[i].ns)
			continue;
		add(text, "%lld%s%02lld%s", (long long)(duration_ns / units[i].ns), units[i].name,
		    (long long)(duration_ns % units[i].ns / (units[i].ns / units[i].of_next)), units[i].next);
		return;
	}
	if (duration_ns >= 1000000000)
		add(text, "%lld.%llds", (long long)(duration_ns / 1000000000), (long long)(duration_ns / 100000000 % 10));
	else if (duration_ns >= 1000000)
		add(text, "%lldms", (long long)(duration_ns / 1000000));
	else
		text_add(text, "0s");
}
