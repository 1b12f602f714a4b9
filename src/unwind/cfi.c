// SPDX-License-Identifier: Apache-2.0
// Call-frame information.  INSIDE.
#include "unwind/cfi.h"

#include <string.h>

#include "base/system.h"

// A place in the module's data.  Once has_failed is set every read gives 0.
struct reader {
	uintptr_t at;
	uintptr_t limit;
	uintptr_t start;
	uintptr_t good_page; // last page that was seen to be readable
	bool is_checked;     // pages are looked at before they are read
	bool has_failed;
};

static void read_bytes(struct reader *reader, void *to, size_t num_bytes)
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
	static type name(struct reader *reader)        \
	{                                              \
		type value;                            \
		read_bytes(reader, &value, sizeof(value)); \
		return value;                          \
	}
DEFINE_READ(read_u8, uint8_t)
DEFINE_READ(read_u16, uint16_t)
DEFINE_READ(read_u32, uint32_t)
DEFINE_READ(read_u64, uint64_t)
#undef DEFINE_READ

static uint64_t read_leb(struct reader *reader, bool is_signed)
{
	uint64_t value = 0;
	for (unsigned shift = 0;; shift += 7) {
		uint8_t byte = read_u8(reader);
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		if (is_signed && byte & 0x40 && shift + 7 < 64)
			value |= ~UINT64_C(0) << (shift + 7);
		return value;
	}
}

static uint64_t read_uleb(struct reader *reader)
{
	return read_leb(reader, false);
}

static int64_t read_sleb(struct reader *reader)
{
	return (int64_t)read_leb(reader, true);
}

// A pointer in one of the DW_EH_PE_* encodings.
static uint64_t read_encoded(struct reader *reader, uint8_t encoding, uintptr_t data_base)
{
	uintptr_t from = reader->at;
	uint64_t value;
	switch (encoding & 0x0f) {
	case 0x00: case 0x04: case 0x0c: value = read_u64(reader); break;
	case 0x01: value = read_uleb(reader); break;
	case 0x02: value = read_u16(reader); break;
	case 0x03: value = read_u32(reader); break;
	case 0x09: value = (uint64_t)read_sleb(reader); break;
	case 0x0a: value = (uint64_t)(int16_t)read_u16(reader); break;
	case 0x0b: value = (uint64_t)(int32_t)read_u32(reader); break;
	default: reader->has_failed = true; return 0;
	}
	switch (encoding & 0x70) {
	case 0x00: return value;
	case 0x10: return value + from;
	case 0x30: return value + data_base;
	default: reader->has_failed = true; return 0;
	}
}

// Where the frame description entry is whose function starts last before pc; 0 if there is none.
// The table is sorted: pairs of 32-bit offsets from the header, of function and entry.
static uintptr_t find_entry(const struct cfi_module *module, struct reader *reader, uintptr_t pc)
{
	reader->at = module->eh_frame_header;
	uint8_t version = read_u8(reader), frame_encoding = read_u8(reader);
	uint8_t count_encoding = read_u8(reader), table_encoding = read_u8(reader);
	if (reader->has_failed || version != 1 || count_encoding == 0xff || table_encoding != 0x3b)
		return 0;
	read_encoded(reader, frame_encoding, module->eh_frame_header);
	uint64_t num_entries = read_encoded(reader, count_encoding, module->eh_frame_header);
	uintptr_t table = reader->at;
	if (reader->has_failed || num_entries > (reader->limit - table) / 8)
		return 0;
	int64_t wanted = (int64_t)(pc - module->eh_frame_header);
	uint64_t low = 0, high = num_entries;
	while (low < high && !reader->has_failed) {
		uint64_t middle = low + (high - low) / 2;
		reader->at = table + middle * 8;
		if ((int32_t)read_u32(reader) <= wanted)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return 0;
	reader->at = table + (low - 1) * 8 + 4;
	return module->eh_frame_header + (uintptr_t)(intptr_t)(int32_t)read_u32(reader);
}

// What a common information entry says for all entries that name it.
struct common {
	uint64_t code_alignment;
	int64_t data_alignment;
	uint8_t pointer_encoding;
	bool has_augmentation;
	bool is_signal;
	uintptr_t program, program_limit;
};

// Begin an entry: its end; reader->at is behind the length.
static uintptr_t read_length(struct reader *reader)
{
	uint64_t length = read_u32(reader);
	if (length == 0xffffffff)
		length = read_u64(reader);
	if (length == 0 || length > reader->limit - reader->at)
		reader->has_failed = true;
	return reader->at + length;
}

static bool read_common(struct reader *reader, uintptr_t at, struct common *common)
{
	*common = (struct common){ 0 };
	reader->at = at;
	common->program_limit = read_length(reader);
	uint32_t id = read_u32(reader);
	uint8_t version = read_u8(reader);
	if (id != 0 || (version != 1 && version != 3))
		return false;
	char augmentation[8] = { 0 };
	for (unsigned i = 0; (augmentation[i] = (char)read_u8(reader)); i++)
		if (i + 1 == sizeof(augmentation))
			return false;
	common->code_alignment = read_uleb(reader);
	common->data_alignment = read_sleb(reader);
	uint64_t return_column = version == 1 ? read_u8(reader) : read_uleb(reader);
	if (return_column != 16)
		return false;
	if (augmentation[0] == 'z') {
		uint64_t length = read_uleb(reader);
		uintptr_t program = reader->at + length;
		common->has_augmentation = true;
		for (const char *letter = augmentation + 1; *letter; letter++) {
			switch (*letter) {
			case 'R': common->pointer_encoding = read_u8(reader); break;
			case 'L': read_u8(reader); break;
			case 'P': read_encoded(reader, read_u8(reader) & 0x7f, 0); break;
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

enum { REGISTER_RBP = 6, REGISTER_RSP = 7, REGISTER_RETURN = 16 };

enum how { HOW_SAME, HOW_UNDEFINED, HOW_AT_CFA, HOW_EXPRESSION, HOW_OTHER };

// Where a register of the caller is.
struct column {
	uint8_t how;        // enum how
	int64_t offset;     // HOW_AT_CFA: from the CFA
	uintptr_t expression; // HOW_EXPRESSION: of its address
};

// One row of the table that a program describes: rbp, return address and CFA.
struct row {
	uint64_t cfa_register;
	int64_t cfa_offset;
	uintptr_t cfa_expression; // 0: register + offset
	struct column rbp, ret;
};

static struct column *column_of(struct row *row, uint64_t number, struct column *ignored)
{
	return number == REGISTER_RBP ? &row->rbp : number == REGISTER_RETURN ? &row->ret : ignored;
}

#define NUM_REMEMBERED 4

struct program {
	struct row row, initial;
	struct row remembered[NUM_REMEMBERED];
	unsigned num_remembered;
	uintptr_t location;
};

// Run the instructions up to limit, or until the next row would be for code behind pc.
static bool run(struct program *program, struct reader *reader, uintptr_t limit, const struct common *common,
		uintptr_t pc)
{
	struct row *row = &program->row;
	struct column ignored;
	while (reader->at < limit && !reader->has_failed) {
		uint8_t op = read_u8(reader);
		uint64_t low = op & 0x3f, number;
		uint64_t advance = 0;
		switch (op & 0xc0) {
		case 0x40: advance = low; break;
		case 0x80: // offset
			*column_of(row, low, &ignored) = (struct column){
				.how = HOW_AT_CFA, .offset = (int64_t)read_uleb(reader) * common->data_alignment };
			continue;
		case 0xc0: // restore
			*column_of(row, low, &ignored) = *column_of(&program->initial, low, &ignored);
			continue;
		}
		switch (op & 0xc0 ? 0x02 : op) {
		case 0x00: continue; // nop
		case 0x01: // set_loc
			program->location = read_encoded(reader, common->pointer_encoding, 0);
			if (program->location > pc)
				return true;
			continue;
		case 0x02: if (!(op & 0xc0)) advance = read_u8(reader); break;
		case 0x03: advance = read_u16(reader); break;
		case 0x04: advance = read_u32(reader); break;
		case 0x05: // offset_extended
			number = read_uleb(reader);
			*column_of(row, number, &ignored) = (struct column){
				.how = HOW_AT_CFA, .offset = (int64_t)read_uleb(reader) * common->data_alignment };
			continue;
		case 0x11: // offset_extended_sf
			number = read_uleb(reader);
			*column_of(row, number, &ignored) = (struct column){
				.how = HOW_AT_CFA, .offset = read_sleb(reader) * common->data_alignment };
			continue;
		case 0x2f: // GNU_negative_offset_extended
			number = read_uleb(reader);
			*column_of(row, number, &ignored) = (struct column){
				.how = HOW_AT_CFA, .offset = -((int64_t)read_uleb(reader) * common->data_alignment) };
			continue;
		case 0x06: // restore_extended
			number = read_uleb(reader);
			*column_of(row, number, &ignored) = *column_of(&program->initial, number, &ignored);
			continue;
		case 0x07: // undefined
			column_of(row, read_uleb(reader), &ignored)->how = HOW_UNDEFINED;
			continue;
		case 0x08: // same_value
			column_of(row, read_uleb(reader), &ignored)->how = HOW_SAME;
			continue;
		case 0x09: case 0x14: // register, val_offset
			column_of(row, read_uleb(reader), &ignored)->how = HOW_OTHER;
			read_uleb(reader);
			continue;
		case 0x15: // val_offset_sf
			column_of(row, read_uleb(reader), &ignored)->how = HOW_OTHER;
			read_sleb(reader);
			continue;
		case 0x0a: // remember_state
			if (program->num_remembered == NUM_REMEMBERED)
				return false;
			program->remembered[program->num_remembered++] = *row;
			continue;
		case 0x0b: // restore_state
			if (program->num_remembered == 0)
				return false;
			*row = program->remembered[--program->num_remembered];
			continue;
		case 0x0c: // def_cfa
			row->cfa_register = read_uleb(reader);
			row->cfa_offset = (int64_t)read_uleb(reader);
			row->cfa_expression = 0;
			continue;
		case 0x12: // def_cfa_sf
			row->cfa_register = read_uleb(reader);
			row->cfa_offset = read_sleb(reader) * common->data_alignment;
			row->cfa_expression = 0;
			continue;
		case 0x0d: // def_cfa_register
			row->cfa_register = read_uleb(reader);
			row->cfa_expression = 0;
			continue;
		case 0x0e: row->cfa_offset = (int64_t)read_uleb(reader); continue; // def_cfa_offset
		case 0x13: row->cfa_offset = read_sleb(reader) * common->data_alignment; continue;
		case 0x0f: // def_cfa_expression
			row->cfa_expression = reader->at;
			number = read_uleb(reader);
			reader->at += number;
			continue;
		case 0x10: // expression
			number = read_uleb(reader);
			*column_of(row, number, &ignored) =
				(struct column){ .how = HOW_EXPRESSION, .expression = reader->at };
			number = read_uleb(reader);
			reader->at += number;
			continue;
		case 0x16: // val_expression
			column_of(row, read_uleb(reader), &ignored)->how = HOW_OTHER;
			number = read_uleb(reader);
			reader->at += number;
			continue;
		case 0x2e: read_uleb(reader); continue; // GNU_args_size
		default: return false;
		}
		program->location += advance * common->code_alignment;
		if (program->location > pc)
			return true;
	}
	return !reader->has_failed;
}

#define STACK_DEPTH 8

static struct cfi_value number_value(int64_t number)
{
	return (struct cfi_value){ .base = CFI_NUMBER, .offset = (int32_t)number };
}

// Operators of two numbers; what is compared here is the low bits of code addresses.
static bool combine(uint8_t op, int64_t a, int64_t b, int64_t *result)
{
	switch (op) {
	case 0x1a: *result = a & b; return true;
	case 0x1c: *result = a - b; return true;
	case 0x1e: *result = a * b; return true;
	case 0x21: *result = a | b; return true;
	case 0x22: *result = a + b; return true;
	case 0x24: *result = b >= 0 && b < 32 ? a << b : 0; return true;
	case 0x29: *result = a == b; return true;
	case 0x2a: *result = a >= b; return true;
	case 0x2b: *result = a > b; return true;
	case 0x2c: *result = a <= b; return true;
	case 0x2d: *result = a < b; return true;
	case 0x2e: *result = a != b; return true;
	default: return false;
	}
}

static bool add_number(struct cfi_value *value, int64_t number)
{
	int32_t *to = value->is_loaded ? &value->added : &value->offset;
	return !__builtin_add_overflow((int64_t)*to, number, &number) && (*to = (int32_t)number) == number;
}

// Evaluate an expression for unknown registers: the result, what is on top of the stack at the end, is a
// value relative to one of them.  first is on the stack at the start, unless it is nowhere.  For code in a procedure linkage table
// the value depends on the low bits of pc, which are known.
static struct cfi_value evaluate(struct reader *reader, uintptr_t expression, struct cfi_value first, uintptr_t pc)
{
	static const struct cfi_value unknown = { .base = CFI_NOWHERE };
	struct cfi_value stack[STACK_DEPTH];
	unsigned depth = 0;
	if (first.base != CFI_NOWHERE)
		stack[depth++] = first;
	reader->at = expression;
	uint64_t length = read_uleb(reader);
	uintptr_t limit = reader->at + length;
	while (reader->at < limit && !reader->has_failed) {
		uint8_t op = read_u8(reader);
		struct cfi_value pushed = unknown;
		if (op >= 0x30 && op <= 0x4f) { // lit0 and on
			pushed = number_value(op - 0x30);
		} else if (op == 0x76 || op == 0x77 || op == 0x80) { // breg6, breg7, breg16
			int64_t offset = read_sleb(reader);
			pushed = op == 0x80 ? number_value((int64_t)((pc + (uintptr_t)offset) & 0xffff))
					    : (struct cfi_value){ .base = op == 0x76 ? CFI_RBP : CFI_RSP };
			if (op != 0x80 && !add_number(&pushed, offset))
				return unknown;
		} else if (op == 0x08) { // const1u
			pushed = number_value(read_u8(reader));
		} else if (op == 0x09) { // const1s
			pushed = number_value((int8_t)read_u8(reader));
		} else if (op == 0x0a) { // const2u
			pushed = number_value(read_u16(reader));
		} else if (op == 0x0b) { // const2s
			pushed = number_value((int16_t)read_u16(reader));
		}
		if (pushed.base != CFI_NOWHERE) {
			if (depth == STACK_DEPTH)
				return unknown;
			stack[depth++] = pushed;
			continue;
		}
		if (depth == 0)
			return unknown;
		struct cfi_value *top = &stack[depth - 1];
		if (op == 0x06) { // deref
			if (top->is_loaded || top->base == CFI_NUMBER)
				return unknown;
			top->is_loaded = true;
			continue;
		}
		if (op == 0x23) { // plus_uconst
			if (!add_number(top, (int64_t)read_uleb(reader)))
				return unknown;
			continue;
		}
		if (depth < 2 || top->base != CFI_NUMBER)
			return unknown;
		int64_t number = top->offset, result;
		top = &stack[--depth - 1];
		if (top->base == CFI_NUMBER) {
			if (!combine(op, top->offset, number, &result))
				return unknown;
			*top = number_value(result);
		} else if ((op != 0x22 && op != 0x1c) || !add_number(top, op == 0x22 ? number : -number)) {
			return unknown;
		}
	}
	return depth && !reader->has_failed && stack[depth - 1].base != CFI_NUMBER ? stack[depth - 1] : unknown;
}

static struct cfi_value register_value(uint64_t number, int64_t offset)
{
	struct cfi_value value = { .base = number == REGISTER_RSP ? CFI_RSP : number == REGISTER_RBP ? CFI_RBP : CFI_NOWHERE };
	if (!add_number(&value, offset))
		value.base = CFI_NOWHERE;
	return value;
}

static struct cfi_value place_of(struct reader *reader, const struct column *column, uintptr_t pc)
{
	static const struct cfi_value cfa = { .base = CFI_CFA };
	struct cfi_value value = cfa;
	switch (column->how) {
	case HOW_AT_CFA: return add_number(&value, column->offset) ? value : (struct cfi_value){ .base = CFI_NOWHERE };
	case HOW_EXPRESSION: return evaluate(reader, column->expression, cfa, pc);
	default: return (struct cfi_value){ .base = CFI_NOWHERE };
	}
}

static struct cfi_rule rule_of(struct reader *reader, const struct row *row, bool is_signal, uintptr_t pc)
{
	static const struct cfi_value nothing = { .base = CFI_NOWHERE };
	struct cfi_rule rule = { .kind = CFI_FRAME, .is_signal = is_signal };
	if (row->ret.how == HOW_UNDEFINED)
		return (struct cfi_rule){ .kind = CFI_END };
	rule.cfa = row->cfa_expression ? evaluate(reader, row->cfa_expression, nothing, pc)
				       : register_value(row->cfa_register, row->cfa_offset);
	rule.return_at = place_of(reader, &row->ret, pc);
	rule.keeps_rbp = row->rbp.how == HOW_SAME;
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
	struct reader reader = { .start = module->start, .limit = module->limit, .is_checked = !is_staying };
	uintptr_t entry = find_entry(module, &reader, pc);
	if (!entry)
		return unknown;
	reader.at = entry;
	uintptr_t entry_limit = read_length(&reader);
	uintptr_t id_at = reader.at;
	uint32_t id = read_u32(&reader);
	uintptr_t behind_id = reader.at;
	struct common common;
	if (id == 0 || !read_common(&reader, id_at - id, &common))
		return unknown;
	reader.at = behind_id;
	uintptr_t start = read_encoded(&reader, common.pointer_encoding, 0);
	uint64_t length = read_encoded(&reader, common.pointer_encoding & 0x0f, 0);
	if (reader.has_failed || pc < start || pc - start >= length)
		return unknown;
	if (common.has_augmentation) {
		uint64_t augmentation_length = read_uleb(&reader);
		reader.at += augmentation_length;
	}
	uintptr_t instructions = reader.at;
	struct program program = { .location = start };
	reader.at = common.program;
	if (!run(&program, &reader, common.program_limit, &common, UINTPTR_MAX))
		return unknown;
	program.initial = program.row;
	program.location = start;
	reader.at = instructions;
	if (!run(&program, &reader, entry_limit, &common, pc))
		return unknown;
	return rule_of(&reader, &program.row, common.is_signal, pc);
}
