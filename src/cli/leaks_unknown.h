// SPDX-License-Identifier: Apache-2.0
/*
 * Leaks, unknown: the live blocks of a ledger whose process could not be looked into.
 *
 * OUTSIDE.
 */
#ifndef CAIRN_CLI_LEAKS_UNKNOWN_H
#define CAIRN_CLI_LEAKS_UNKNOWN_H

#include "profile/profile.h"
#include "target/target.h"

// Push them as inspection_push() would, all of kind LEAK_UNKNOWN.
bool leaks_push_unknown(const struct target *target, const struct profile_sink *sink);

#endif
