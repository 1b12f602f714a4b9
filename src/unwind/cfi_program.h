// SPDX-License-Identifier: Apache-2.0
/*
 * Programs of call-frame information (DWARF 5, section 6.4.2): the table that says, for each place in a
 * function, where the caller's registers are.  Of the registers only rbp and the return address are kept.
 *
 * INSIDE, any thread.
 */
#ifndef CAIRN_UNWIND_CFI_PROGRAM_H
#define CAIRN_UNWIND_CFI_PROGRAM_H

#include "unwind/cfi_reader.h"

enum { CFI_REGISTER_RBP = 6, CFI_REGISTER_RSP = 7, CFI_REGISTER_RETURN = 16 };

// What a common information entry says for all entries that name it.
struct cfi_common {
	uint64_t code_alignment;
	int64_t data_alignment;
	uint8_t pointer_encoding;
	bool has_augmentation;
	bool is_signal;
	uintptr_t program, program_limit;
};

enum cfi_how { CFI_SAME, CFI_UNDEFINED, CFI_AT_CFA, CFI_EXPRESSION, CFI_OTHER };

// Where a register of the caller is.
struct cfi_column {
	uint8_t how;          // enum cfi_how
	int64_t offset;       // CFI_AT_CFA: from the CFA
	uintptr_t expression; // CFI_EXPRESSION: of its address
};

// One row of the table.
struct cfi_row {
	uint64_t cfa_register;
	int64_t cfa_offset;
	uintptr_t cfa_expression; // 0: register + offset
	struct cfi_column rbp, ret;
};

// The row for pc in the function that begins at start, whose own program is [program, limit).  False if a
// program is of no form that is followed here.
bool cfi_find_row(struct cfi_row *row, struct cfi_reader *reader, const struct cfi_common *common, uintptr_t start,
		  uintptr_t program, uintptr_t limit, uintptr_t pc);

#endif
