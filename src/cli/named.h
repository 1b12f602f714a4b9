// SPDX-License-Identifier: Apache-2.0
/*
 * Named: the target that a user means.
 *
 * OUTSIDE.
 */
#ifndef CAIRN_CLI_NAMED_H
#define CAIRN_CLI_NAMED_H

#include "target/target.h"

// As target_open(); and a thread stands for its process, a `cairn run` for its program, and the id of a process that
// is gone for the ledger that it left, if there is one.
bool named_open(struct target **target, const char *name, struct error *error);

#endif
