// SPDX-License-Identifier: Apache-2.0
/*
 * Call-frame information: from a module's .eh_frame to the rule that leads from a place in its code to
 * the caller's frame.
 *
 * Format: DWARF 5, section 6.4, with the differences that the Linux Standard Base (Core, 10.6) describes
 * for .eh_frame and .eh_frame_hdr.  Of all registers only those are followed that lead to further
 * frames of compiled code: the stack pointer (rsp), the frame pointer (rbp), the return address.
 *
 * INSIDE, any thread, signal handlers too: no lock, no allocation, and about one KiB of stack.
 */
#ifndef CAIRN_UNWIND_CFI_H
#define CAIRN_UNWIND_CFI_H

#include <stdbool.h>
#include <stdint.h>

enum cfi_base {
	CFI_NOWHERE,
	CFI_NUMBER, // offset alone
	CFI_RSP,    // of the frame itself
	CFI_RBP,
	CFI_CFA,    // canonical frame address: the caller's rsp
};

// The value base + offset, or, if is_loaded, the eight bytes at that address plus added.
struct cfi_value {
	uint8_t base; // enum cfi_base
	bool is_loaded;
	int32_t offset;
	int32_t added;
};

enum cfi_kind {
	CFI_UNKNOWN, // no information, or of a form that is not followed here
	CFI_END,     // outermost frame
	CFI_FRAME,
};

struct cfi_rule {
	uint8_t kind;   // enum cfi_kind
	bool is_signal; // the caller was interrupted: its address is exact, not that behind a call
	bool keeps_rbp; // the caller's rbp is this frame's; else it is at rbp_at, or lost (CFI_NOWHERE)
	struct cfi_value cfa;
	struct cfi_value return_at; // where the return address is
	struct cfi_value rbp_at;
};

// A module in memory.
struct cfi_module {
	uintptr_t start; // of the module, or of the part of it that has no holes
	uintptr_t limit;
	uintptr_t data_start; // everything that is read lies in [data_start, data_limit)
	uintptr_t data_limit;
	uintptr_t eh_frame_header; // of PT_GNU_EH_FRAME
};

// The rule for the code at pc, which is within a call (return address - 1) or exact.  is_staying: no
// thread can be closing the module meanwhile, so its memory need not be checked.
struct cfi_rule cfi_find_rule(const struct cfi_module *module, uintptr_t pc, bool is_staying);

#endif
