// SPDX-License-Identifier: Apache-2.0
/*
 * Subject: what a report is of: a profile's file, a ledger, or a process.
 *
 * OUTSIDE.
 */
#ifndef CAIRN_CLI_SUBJECT_H
#define CAIRN_CLI_SUBJECT_H

#include "base/error.h"
#include "cli/naming.h"
#include "profile/store.h"

// Add what name stands for to a side of the store: "-" is a profile on standard input, a number a process (as
// named_open() knows them), else a file: a ledger or a profile.  False: the store is only good for store_destroy().
bool subject_add(struct store *store, const char *name, uint32_t side, enum store_sign sign, struct error *error);

// The same for several names, the first on side 0.  What has no names gets them (symbolize/symbolizer.h), of a process that
// lives from the files that it sees, with warnings on stderr for what cannot have them.
bool subject_add_named(struct store *store, const char *const *names, uint32_t num_names, struct naming *naming,
		       struct error *error);

// True if both sides of the store are known to be of one process.
bool subject_is_one_process(const struct store *store);

#endif
