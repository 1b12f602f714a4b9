// SPDX-License-Identifier: Apache-2.0
// Quantity: a value of a profile as people read it.  OUTSIDE.
#include "report/quantity.h"

#include <stddef.h>
#include <string.h>

#include "report/printable.h"
#include "report/units.h"

#define MAX_UNIT_COLUMNS 24

// The units that google/pprof's profiles have.
static const struct {
	const char *unit;
	double factor;
	void (*add)(struct text *text, double value, double standard_error);
} units[] = {
	{ "bytes", 1, units_add_bytes_estimate },
	{ "count", 1, units_add_count_estimate },
	{ "", 1, units_add_count_estimate },
	{ "nanoseconds", 1, units_add_time_estimate },
	{ "microseconds", 1e3, units_add_time_estimate },
	{ "milliseconds", 1e6, units_add_time_estimate },
	{ "seconds", 1e9, units_add_time_estimate },
};

void quantity_add(struct text *text, const char *unit, double value, double standard_error)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(unit, units[i].unit) != 0)
			continue;
		units[i].add(text, value * units[i].factor, standard_error * units[i].factor);
		return;
	}
	units_add_count_estimate(text, value, standard_error);
	text_add(text, " ");
	printable_add_cut(text, unit, MAX_UNIT_COLUMNS);
}
