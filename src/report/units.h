// SPDX-License-Identifier: Apache-2.0
/*
 * Units: numbers as people read them, with their standard errors: "1.21 GiB ±0.04".
 *
 * OUTSIDE; any thread.  Whether "±" may be written or "+-" must do is told by the locale, so the program calls
 * setlocale(LC_CTYPE, "") first.  Numbers have a decimal point in every locale as long as it leaves LC_NUMERIC
 * alone.  What is written has no control characters.
 */
#ifndef CAIRN_REPORT_UNITS_H
#define CAIRN_REPORT_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

// The standard error of what is not an estimate, or whose error is not known: nothing is shown.
#define UNITS_EXACT (-1.0)

// True if the locale's characters are UTF-8.
bool units_has_utf8(void);
// "±" or "+-".
const char *units_plus_minus(void);
// How many columns of a terminal a string takes: that of units, or any that has no control characters.
size_t units_width(const char *string);

// A size of three digits, maybe negative, at most nine characters: "512 B", "1.21 GiB", "-1023 KiB".
void units_add_bytes(struct text *text, double bytes);
// The same with its standard error in the same unit: "1.21 GiB ±0.04".  Exact: as above.
void units_add_bytes_estimate(struct text *text, double bytes, double standard_error);

// "1,234,567".
void units_add_count(struct text *text, uint64_t count);
// At most five characters: "999", "1.23k", "45.6M".
void units_add_short_count(struct text *text, double count);
// "1.23k ±0.04": the error has the count's unit.
void units_add_count_estimate(struct text *text, double count, double standard_error);

// A time of three digits, maybe negative, of nanoseconds to days: "12 ns", "1.21 s ±0.04".
void units_add_time_estimate(struct text *text, double ns, double standard_error);

// Two units at most: "0s", "450ms", "12.3s", "5m03s", "3h02m", "12d03h".
void units_add_duration(struct text *text, int64_t duration_ns);

#endif
