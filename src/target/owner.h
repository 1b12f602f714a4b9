// SPDX-License-Identifier: Apache-2.0
/*
 * Owner: the process that keeps a ledger which was found as a file.
 *
 * OUTSIDE.
 */
#ifndef CAIRN_TARGET_OWNER_H
#define CAIRN_TARGET_OWNER_H

#include "ledger/layout.h"
#include "target/source.h"

// Set the process of a source that was opened as a file, if it still has the file mapped.  The header, which must
// have been checked, tells where to look; in other pid namespaces, everywhere.
void owner_find(struct source *source, const struct ledger_header *header);

// The process that has the file at path mapped, for one that cannot be opened; 0: none is seen.
pid_t owner_of_file(const char *path);

#endif
