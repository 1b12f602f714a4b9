// SPDX-License-Identifier: Apache-2.0
/*
 * Filter: the call sites that have a function of a certain name anywhere in their stack.
 *
 * Names are looked up once for each frame, and each node of the call tree is decided once.
 *
 * OUTSIDE; one thread.
 */
#ifndef CAIRN_REPORT_FILTER_H
#define CAIRN_REPORT_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "report/match.h"
#include "symbolize/names.h"

struct filter {
	char pattern[256];
	struct match *match; // NULL: every site passes
	unsigned char *nodes; // enum decision of each
	uint32_t num_nodes;
};

void filter_init(struct filter *filter);
void filter_deinit(struct filter *filter);

// Let pass what a regular expression matches (match.h; a part of a name is enough); "" lets everything pass.  If it is
// none the filter stays as it was.
bool filter_set(struct filter *filter, const char *pattern, struct error *error);

// Forget what was decided: another ledger.
void filter_forget(struct filter *filter);

bool filter_passes(struct filter *filter, struct names *names, const struct ledger *ledger, uint32_t site);

#endif
