// SPDX-License-Identifier: Apache-2.0
/*
 * By label: the value that is asked for, told apart by the values of one label.
 *
 * OUTSIDE; one thread.
 */
#ifndef CAIRN_REPORT_BY_LABEL_H
#define CAIRN_REPORT_BY_LABEL_H

#include "report/view.h"

struct by_label_row {
	bool has_label;     // else: of all stacks without it
	const char *string; // NULL: it is a number; the label's, of the store
	int64_t number;
	const char *unit;
	int64_t value;
	double error; // standard error; below 0: exact, NAN: not known
};

struct by_label {
	struct by_label_row *rows; // largest first (be it below 0)
	size_t num_rows;
};

// Of side 0.  A stack that has several values of the label counts for each.  The same view gives the same order.  False if
// no stack has the label: the error, which begins with what, says which there are.
bool by_label_init(struct by_label *by_label, const struct view *view, const char *what, const char *key, struct error *error);
void by_label_deinit(struct by_label *by_label);

#endif
