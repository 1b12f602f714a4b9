// SPDX-License-Identifier: Apache-2.0
// Reader: numbers out of call-frame information.  INSIDE.
#include "unwind/cfi_reader.h"

#include <string.h>

#include "base/system.h"

static void read_bytes(struct cfi_reader *reader, void *to, size_t num_bytes)
{
	memset(to, 0, num_bytes);
	if (reader->has_failed || reader->at < reader->start || reader->at >= reader->limit ||
	    num_bytes > reader->limit - reader->at) {
		reader->has_failed = true;
		return;
	}
	// The check reads eight bytes, which must not reach into the next page.
	for (uintptr_t page = reader->at & ~4095UL; reader->is_checked && page <= ((reader->at + num_bytes - 1) & ~4095UL); page += 4096) {
		if (page != reader->good_page && !system_can_read(page)) {
			reader->has_failed = true;
			return;
		}
		reader->good_page = page;
	}
	memcpy(to, (const void *)reader->at, num_bytes);
	reader->at += num_bytes;
}

#define DEFINE_READ(name, type)                        \
	type name(struct cfi_reader *reader)        \
	{                                              \
		type value;                            \
		read_bytes(reader, &value, sizeof(value)); \
		return value;                          \
	}
DEFINE_READ(cfi_read_u8, uint8_t)
DEFINE_READ(cfi_read_u16, uint16_t)
DEFINE_READ(cfi_read_u32, uint32_t)
DEFINE_READ(cfi_read_u64, uint64_t)
#undef DEFINE_READ

static uint64_t read_leb(struct cfi_reader *reader, bool is_signed)
{
	uint64_t value = 0;
	for (unsigned shift = 0;; shift += 7) {
		uint8_t byte = cfi_read_u8(reader);
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		if (is_signed && byte & 0x40 && shift + 7 < 64)
			value |= ~UINT64_C(0) << (shift + 7);
		return value;
	}
}

uint64_t cfi_read_uleb(struct cfi_reader *reader)
{
	return read_leb(reader, false);
}

int64_t cfi_read_sleb(struct cfi_reader *reader)
{
	return (int64_t)read_leb(reader, true);
}

uint64_t cfi_read_encoded(struct cfi_reader *reader, uint8_t encoding, uintptr_t data_base)
{
	uintptr_t from = reader->at;
	uint64_t value;
	switch (encoding & 0x0f) {
	case 0x00: case 0x04: case 0x0c: value = cfi_read_u64(reader); break;
	case 0x01: value = cfi_read_uleb(reader); break;
	case 0x02: value = cfi_read_u16(reader); break;
	case 0x03: value = cfi_read_u32(reader); break;
	case 0x09: value = (uint64_t)cfi_read_sleb(reader); break;
	case 0x0a: value = (uint64_t)(int16_t)cfi_read_u16(reader); break;
	case 0x0b: value = (uint64_t)(int32_t)cfi_read_u32(reader); break;
	default: reader->has_failed = true; return 0;
	}
	switch (encoding & 0x70) {
	case 0x00: return value;
	case 0x10: return value + from;
	case 0x30: return value + data_base;
	default: reader->has_failed = true; return 0;
	}
}
