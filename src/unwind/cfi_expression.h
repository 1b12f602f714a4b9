// SPDX-License-Identifier: Apache-2.0
/*
 * Expressions of call-frame information (DWARF 5, section 2.5), evaluated for registers that are not known:
 * the result is a value relative to one of them.  That covers what compilers and libc write: realigned stacks,
 * signal frames, procedure linkage tables.
 *
 * INSIDE, any thread.
 */
#ifndef CAIRN_UNWIND_CFI_EXPRESSION_H
#define CAIRN_UNWIND_CFI_EXPRESSION_H

#include "unwind/cfi.h"
#include "unwind/cfi_reader.h"

// Evaluate the expression at that address, with its length before it, for the code at pc.  first is on the
// stack at the start, unless it is CFI_NOWHERE; the result is what is on top at the end, CFI_NOWHERE if
// it is of no form that is followed here.
struct cfi_value cfi_evaluate(struct cfi_reader *reader, uintptr_t expression, struct cfi_value first, uintptr_t pc);

// Add number to a value; false if the sum is out of range.
bool cfi_add_number(struct cfi_value *value, int64_t number);

#endif
