// SPDX-License-Identifier: Apache-2.0
/*
 * Inherited: what forked processes lost of what their parents had allocated.
 *
 * Such a block is in both processes.  If both lost it, it is one leak, the parent's; if only the child did, as one that reads its
 * configuration again, it is the child's.  Which it is, is told by the stack and kind: of what a child lost, so much is left out as
 * processes lost there of their own.
 *
 * OUTSIDE; one thread.
 */
#ifndef CAIRN_LEAKS_INHERITED_H
#define CAIRN_LEAKS_INHERITED_H

#include "profile/store.h"

// Of all processes of a program, on side 0 of a store that has objects and bytes as its first two types.
void inherited_leave_out(struct store *store);

#endif
