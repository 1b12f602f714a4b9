// SPDX-License-Identifier: Apache-2.0
// Call-frame information.  INSIDE.
#include "unwind/cfi.h"

#include "unwind/cfi_expression.h"
#include "unwind/cfi_program.h"
#include "unwind/cfi_reader.h"

// Where the frame description entry is whose function starts last before pc; 0 if there is none.
// The table is sorted: pairs of 32-bit offsets from the header, of function and entry.
static uintptr_t find_entry(const struct cfi_module *module, struct cfi_reader *reader, uintptr_t pc)
{
	reader->at = module->eh_frame_header;
	uint8_t version = cfi_read_u8(reader), frame_encoding = cfi_read_u8(reader);
	uint8_t count_encoding = cfi_read_u8(reader), table_encoding = cfi_read_u8(reader);
	if (reader->has_failed || version != 1 || count_encoding == 0xff || table_encoding != 0x3b)
		return 0;
	cfi_read_encoded(reader, frame_encoding, module->eh_frame_header);
	uint64_t num_entries = cfi_read_encoded(reader, count_encoding, module->eh_frame_header);
	uintptr_t table = reader->at;
	if (reader->has_failed || num_entries > (reader->limit - table) / 8)
		return 0;
	int64_t wanted = (int64_t)(pc - module->eh_frame_header);
	uint64_t low = 0, high = num_entries;
	while (low < high && !reader->has_failed) {
		uint64_t middle = low + (high - low) / 2;
		reader->at = table + middle * 8;
		if ((int32_t)cfi_read_u32(reader) <= wanted)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return 0;
	reader->at = table + (low - 1) * 8 + 4;
	return module->eh_frame_header + (uintptr_t)(intptr_t)(int32_t)cfi_read_u32(reader);
}

// Begin an entry: its end; reader->at is behind the length.
static uintptr_t read_length(struct cfi_reader *reader)
{
	uint64_t length = cfi_read_u32(reader);
	if (length == 0xffffffff)
		length = cfi_read_u64(reader);
	if (length == 0 || length > reader->limit - reader->at)
		reader->has_failed = true;
	return reader->at + length;
}

static bool read_common(struct cfi_reader *reader, uintptr_t at, struct cfi_common *common)
{
	*common = (struct cfi_common){ 0 };
	reader->at = at;
	common->program_limit = read_length(reader);
	uint32_t id = cfi_read_u32(reader);
	uint8_t version = cfi_read_u8(reader);
	if (id != 0 || (version != 1 && version != 3))
		return false;
	char augmentation[8] = { 0 };
	for (unsigned i = 0; (augmentation[i] = (char)cfi_read_u8(reader)); i++)
		if (i + 1 == sizeof(augmentation))
			return false;
	common->code_alignment = cfi_read_uleb(reader);
	common->data_alignment = cfi_read_sleb(reader);
	uint64_t return_column = version == 1 ? cfi_read_u8(reader) : cfi_read_uleb(reader);
	if (return_column != 16)
		return false;
	if (augmentation[0] == 'z') {
		uint64_t length = cfi_read_uleb(reader);
		uintptr_t program = reader->at + length;
		common->has_augmentation = true;
		for (const char *letter = augmentation + 1; *letter; letter++) {
			switch (*letter) {
			case 'R': common->pointer_encoding = cfi_read_u8(reader); break;
			case 'L': cfi_read_u8(reader); break;
			case 'P': cfi_read_encoded(reader, cfi_read_u8(reader) & 0x7f, 0); break;
			case 'S': common->is_signal = true; break;
			default: return false;
			}
		}
		reader->at = program;
	} else if (augmentation[0]) {
		return false;
	}
	common->program = reader->at;
	return !reader->has_failed;
}

static struct cfi_value register_value(uint64_t number, int64_t offset)
{
	struct cfi_value value = { .base = number == CFI_REGISTER_RSP ? CFI_RSP : number == CFI_REGISTER_RBP ? CFI_RBP : CFI_NOWHERE };
	if (!cfi_add_number(&value, offset))
		value.base = CFI_NOWHERE;
	return value;
}

static struct cfi_value place_of(struct cfi_reader *reader, const struct cfi_column *column, uintptr_t pc)
{
	static const struct cfi_value cfa = { .base = CFI_CFA };
	struct cfi_value value = cfa;
	switch (column->how) {
	case CFI_AT_CFA: return cfi_add_number(&value, column->offset) ? value : (struct cfi_value){ .base = CFI_NOWHERE };
	case CFI_EXPRESSION: return cfi_evaluate(reader, column->expression, cfa, pc);
	default: return (struct cfi_value){ .base = CFI_NOWHERE };
	}
}

static struct cfi_rule rule_of(struct cfi_reader *reader, const struct cfi_row *row, bool is_signal, uintptr_t pc)
{
	static const struct cfi_value nothing = { .base = CFI_NOWHERE };
	struct cfi_rule rule = { .kind = CFI_FRAME, .is_signal = is_signal };
	if (row->ret.how == CFI_UNDEFINED)
		return (struct cfi_rule){ .kind = CFI_END };
	rule.cfa = row->cfa_expression ? cfi_evaluate(reader, row->cfa_expression, nothing, pc)
				       : register_value(row->cfa_register, row->cfa_offset);
	rule.return_at = place_of(reader, &row->ret, pc);
	rule.keeps_rbp = row->rbp.how == CFI_SAME;
	rule.rbp_at = place_of(reader, &row->rbp, pc);
	// A return address that had to be loaded to be found, or rbp, is nothing that compilers write.
	if (rule.cfa.base == CFI_NOWHERE || rule.return_at.base == CFI_NOWHERE || rule.return_at.is_loaded ||
	    rule.rbp_at.is_loaded)
		rule.kind = CFI_UNKNOWN;
	return rule;
}

struct cfi_rule cfi_find_rule(const struct cfi_module *module, uintptr_t pc, bool is_staying)
{
	const struct cfi_rule unknown = { .kind = CFI_UNKNOWN };
	struct cfi_reader reader = { .start = module->data_start, .limit = module->data_limit, .is_checked = !is_staying };
	uintptr_t entry = find_entry(module, &reader, pc);
	if (!entry)
		return unknown;
	reader.at = entry;
	uintptr_t entry_limit = read_length(&reader);
	uintptr_t id_at = reader.at;
	uint32_t id = cfi_read_u32(&reader);
	uintptr_t behind_id = reader.at;
	struct cfi_common common;
	if (id == 0 || !read_common(&reader, id_at - id, &common))
		return unknown;
	reader.at = behind_id;
	uintptr_t start = cfi_read_encoded(&reader, common.pointer_encoding, 0);
	uint64_t length = cfi_read_encoded(&reader, common.pointer_encoding & 0x0f, 0);
	if (reader.has_failed || pc < start || pc - start >= length)
		return unknown;
	if (common.has_augmentation) {
		uint64_t augmentation_length = cfi_read_uleb(&reader);
		reader.at += augmentation_length;
	}
	struct cfi_row row;
	if (!cfi_find_row(&row, &reader, &common, start, reader.at, entry_limit, pc))
		return unknown;
	return rule_of(&reader, &row, common.is_signal, pc);
}
