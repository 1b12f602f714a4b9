// SPDX-License-Identifier: Apache-2.0
/*
 * Quantity: a value of a profile as people read it: bytes as sizes, nanoseconds as times, counts as counts; what has
 * another unit with that.
 *
 * OUTSIDE; any thread; see units.h.
 */
#ifndef CAIRN_REPORT_QUANTITY_H
#define CAIRN_REPORT_QUANTITY_H

#include "base/text.h"

// "1.21 GiB ±0.04", "3.25 s", "1.21k", "12.3M joules".  The error is in the value's unit; below 0 or NAN: nothing is
// shown.  What is written is harmless (printable.h).
void quantity_add(struct text *text, const char *unit, double value, double standard_error);

#endif
