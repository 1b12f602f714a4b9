// SPDX-License-Identifier: Apache-2.0
/*
 * Verification: each stack compared with what libunwind makes of it (CAIRN_VERIFY_STACKS=1).
 *
 * INSIDE, but only for tests and doubters: libunwind waits for the loader's lock and is slow.  It is
 * loaded for this alone and stays out of the program's global scope.
 */
#ifndef CAIRN_UNWIND_VERIFY_H
#define CAIRN_UNWIND_VERIFY_H

#include "ledger/ledger.h"
#include "unwind/walk.h"

// Load libunwind; false if it is not there.  Not within an allocation.
bool verify_init(void);

// Compare and count (verified_stacks, differing_stacks).
void verify_stack(struct ledger *ledger, const struct walk *walk, const struct origin *origin);

#endif
