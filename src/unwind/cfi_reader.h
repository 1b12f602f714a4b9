// SPDX-License-Identifier: Apache-2.0
/*
 * Reader: numbers out of call-frame information (DWARF 5, section 7.6; LSB Core 10.5 for pointers).
 *
 * INSIDE, any thread.  Never reads outside [start, limit), nor, if is_checked, a page that is not there.
 */
#ifndef CAIRN_UNWIND_CFI_READER_H
#define CAIRN_UNWIND_CFI_READER_H

#include <stdbool.h>
#include <stdint.h>

// A place in the data of [start, limit).  Once has_failed is set every read gives 0.
struct cfi_reader {
	uintptr_t at;
	uintptr_t limit;
	uintptr_t start;
	uintptr_t good_page; // last page that was seen to be readable
	bool is_checked;     // pages are looked at before they are read
	bool has_failed;
};

uint8_t cfi_read_u8(struct cfi_reader *reader);
uint16_t cfi_read_u16(struct cfi_reader *reader);
uint32_t cfi_read_u32(struct cfi_reader *reader);
uint64_t cfi_read_u64(struct cfi_reader *reader);
uint64_t cfi_read_uleb(struct cfi_reader *reader);
int64_t cfi_read_sleb(struct cfi_reader *reader);

// A pointer in one of the DW_EH_PE_* encodings; data_base is what "datarel" is relative to.
uint64_t cfi_read_encoded(struct cfi_reader *reader, uint8_t encoding, uintptr_t data_base);

#endif
