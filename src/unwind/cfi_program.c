// SPDX-License-Identifier: Apache-2.0
// Programs of call-frame information.  INSIDE.
#include "unwind/cfi_program.h"

#define NUM_REMEMBERED 4

struct state {
	struct cfi_row row, initial;
	struct cfi_row remembered[NUM_REMEMBERED];
	unsigned num_remembered;
	struct cfi_column ignored; // stands for all columns that are not kept
	uintptr_t location;
};

static struct cfi_column *column_of(struct state *state, struct cfi_row *row, uint64_t number)
{
	return number == CFI_REGISTER_RBP ? &row->rbp : number == CFI_REGISTER_RETURN ? &row->ret : &state->ignored;
}

static void set_offset(struct state *state, uint64_t number, int64_t offset)
{
	*column_of(state, &state->row, number) = (struct cfi_column){ .how = CFI_AT_CFA, .offset = offset };
}

static void restore(struct state *state, uint64_t number)
{
	*column_of(state, &state->row, number) = *column_of(state, &state->initial, number);
}

static void set_how(struct state *state, uint64_t number, enum cfi_how how)
{
	column_of(state, &state->row, number)->how = (uint8_t)how;
}

static void skip_expression(struct cfi_reader *reader)
{
	uint64_t length = cfi_read_uleb(reader);
	reader->at += length;
}

// Instructions that say where the CFA is.  False if it is none of them.
static bool change_cfa(struct state *state, struct cfi_reader *reader, const struct cfi_common *common, uint8_t op)
{
	struct cfi_row *row = &state->row;
	switch (op) {
	case 0x0c: // def_cfa
		row->cfa_register = cfi_read_uleb(reader);
		row->cfa_offset = (int64_t)cfi_read_uleb(reader);
		row->cfa_expression = 0;
		return true;
	case 0x12: // def_cfa_sf
		row->cfa_register = cfi_read_uleb(reader);
		row->cfa_offset = cfi_read_sleb(reader) * common->data_alignment;
		row->cfa_expression = 0;
		return true;
	case 0x0d: // def_cfa_register
		row->cfa_register = cfi_read_uleb(reader);
		row->cfa_expression = 0;
		return true;
	case 0x0e: row->cfa_offset = (int64_t)cfi_read_uleb(reader); return true; // def_cfa_offset
	case 0x13: row->cfa_offset = cfi_read_sleb(reader) * common->data_alignment; return true; // def_cfa_offset_sf
	case 0x0f: // def_cfa_expression
		row->cfa_expression = reader->at;
		skip_expression(reader);
		return true;
	default: return false;
	}
}

// Instructions that say where a register is.  False if it is none of them.
static bool change_column(struct state *state, struct cfi_reader *reader, const struct cfi_common *common, uint8_t op)
{
	uint64_t number = op & 0x3f;
	if ((op & 0xc0) == 0xc0) { // restore
		restore(state, number);
		return true;
	}
	if ((op & 0xc0) == 0x80) { // offset
		set_offset(state, number, (int64_t)cfi_read_uleb(reader) * common->data_alignment);
		return true;
	}
	if (op < 0x05 || (op > 0x09 && op != 0x10 && op != 0x11 && (op < 0x14 || op > 0x16) && op != 0x2f))
		return false;
	number = cfi_read_uleb(reader);
	switch (op) {
	case 0x05: set_offset(state, number, (int64_t)cfi_read_uleb(reader) * common->data_alignment); break; // offset_extended
	case 0x11: set_offset(state, number, cfi_read_sleb(reader) * common->data_alignment); break; // offset_extended_sf
	case 0x2f: set_offset(state, number, -((int64_t)cfi_read_uleb(reader) * common->data_alignment)); break; // GNU, negative
	case 0x06: restore(state, number); break; // restore_extended
	case 0x07: set_how(state, number, CFI_UNDEFINED); break; // undefined
	case 0x08: set_how(state, number, CFI_SAME); break; // same_value
	case 0x10: // expression
		*column_of(state, &state->row, number) = (struct cfi_column){ .how = CFI_EXPRESSION, .expression = reader->at };
		skip_expression(reader);
		break;
	case 0x16: // val_expression
		set_how(state, number, CFI_OTHER);
		skip_expression(reader);
		break;
	default: // register, val_offset, val_offset_sf
		set_how(state, number, CFI_OTHER);
		cfi_read_uleb(reader);
	}
	return true;
}

// Instructions about neither: the state as a whole, and what is of no interest here.
static bool change_state(struct state *state, struct cfi_reader *reader, uint8_t op)
{
	switch (op) {
	case 0x00: return true; // nop
	case 0x0a: // remember_state
		if (state->num_remembered == NUM_REMEMBERED)
			return false;
		state->remembered[state->num_remembered++] = state->row;
		return true;
	case 0x0b: // restore_state
		if (state->num_remembered == 0)
			return false;
		state->row = state->remembered[--state->num_remembered];
		return true;
	case 0x2e: cfi_read_uleb(reader); return true; // GNU_args_size
	default: return false;
	}
}

// Instructions that end a row: the place in the code from which the next one holds.
static bool advance(struct state *state, struct cfi_reader *reader, const struct cfi_common *common, uint8_t op)
{
	uint64_t delta;
	if ((op & 0xc0) == 0x40) { // advance_loc
		delta = op & 0x3f;
	} else {
		switch (op) {
		case 0x01: state->location = cfi_read_encoded(reader, common->pointer_encoding, 0); return true; // set_loc
		case 0x02: delta = cfi_read_u8(reader); break; // advance_loc1, 2, 4
		case 0x03: delta = cfi_read_u16(reader); break;
		case 0x04: delta = cfi_read_u32(reader); break;
		default: return false;
		}
	}
	state->location += delta * common->code_alignment;
	return true;
}

// Run the instructions up to limit, or until the next row would be for code behind pc.
static bool run(struct state *state, struct cfi_reader *reader, const struct cfi_common *common, uintptr_t limit,
		uintptr_t pc)
{
	while (reader->at < limit && !reader->has_failed) {
		uint8_t op = cfi_read_u8(reader);
		if (advance(state, reader, common, op)) {
			if (state->location > pc)
				return true;
		} else if (!change_column(state, reader, common, op) && !change_cfa(state, reader, common, op) &&
			   !change_state(state, reader, op)) {
			return false;
		}
	}
	return !reader->has_failed;
}

bool cfi_find_row(struct cfi_row *row, struct cfi_reader *reader, const struct cfi_common *common, uintptr_t start,
		  uintptr_t program, uintptr_t limit, uintptr_t pc)
{
	struct state state = { .location = start };
	reader->at = common->program;
	if (!run(&state, reader, common, common->program_limit, UINTPTR_MAX))
		return false;
	state.initial = state.row;
	state.location = start;
	reader->at = program;
	if (!run(&state, reader, common, limit, pc))
		return false;
	*row = state.row;
	return true;
}
