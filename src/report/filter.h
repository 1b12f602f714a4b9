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

#include <regex.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "symbolize/names.h"

struct filter {
	bool is_set; // else every site passes
	char pattern[256];
	regex_t regex;
	unsigned char *nodes; // enum decision of each
	uint32_t num_nodes;
};

void filter_init(struct filter *filter);
void filter_deinit(struct filter *filter);

// Let pass what matches a POSIX extended regular expression (a part of a name is one too); "" lets everything
// pass.  If it is none the filter stays as it was.
bool filter_set(struct filter *filter, const char *pattern, struct error *error);

// Forget what was decided: another ledger.
void filter_forget(struct filter *filter);

bool filter_passes(struct filter *filter, struct names *names, const struct ledger *ledger, uint32_t site);

#endif
