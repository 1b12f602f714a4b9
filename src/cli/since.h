// SPDX-License-Identifier: Apache-2.0
/*
 * Since: what happened in a process between an earlier profile of it and now.
 *
 * OUTSIDE.
 */
#ifndef CAIRN_CLI_SINCE_H
#define CAIRN_CLI_SINCE_H

#include "base/error.h"
#include "cli/snapshot.h"
#include "profile/store.h"

// The difference: what a snapshot has more than the profile in the file at path, which must be of the same process.
// *difference is the caller's to destroy.
bool since_create(struct store **difference, struct snapshot *snapshot, const char *path, struct error *error);

#endif
