// SPDX-License-Identifier: Apache-2.0
// Expressions of call-frame information.  INSIDE.
#include "unwind/cfi_expression.h"

#define STACK_DEPTH 8

static const struct cfi_value unknown = { .base = CFI_NOWHERE };

struct expression_stack {
	struct cfi_value values[STACK_DEPTH];
	unsigned depth;
};

static struct cfi_value number_value(int64_t number)
{
	return (struct cfi_value){ .base = CFI_NUMBER, .offset = (int32_t)number };
}

bool cfi_add_number(struct cfi_value *value, int64_t number)
{
	int32_t *to = value->is_loaded ? &value->added : &value->offset;
	return !__builtin_add_overflow((int64_t)*to, number, &number) && (*to = (int32_t)number) == number;
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

// What an operation that takes nothing from the stack puts there; CFI_NOWHERE if it is of another kind.
// Code in a procedure linkage table asks for the low bits of pc, which are known.
static struct cfi_value read_operand(struct cfi_reader *reader, uint8_t op, uintptr_t pc)
{
	struct cfi_value value = { .base = op == 0x76 ? CFI_RBP : CFI_RSP };
	if (op >= 0x30 && op <= 0x4f) // lit0 to lit31
		return number_value(op - 0x30);
	switch (op) {
	case 0x08: return number_value(cfi_read_u8(reader)); // const1u
	case 0x09: return number_value((int8_t)cfi_read_u8(reader)); // const1s
	case 0x0a: return number_value(cfi_read_u16(reader)); // const2u
	case 0x0b: return number_value((int16_t)cfi_read_u16(reader)); // const2s
	case 0x76: case 0x77: return cfi_add_number(&value, cfi_read_sleb(reader)) ? value : unknown; // breg6, breg7
	case 0x80: return number_value((int64_t)((pc + (uintptr_t)cfi_read_sleb(reader)) & 0xffff)); // breg16
	default: return unknown;
	}
}

// An operation on what is on the stack; false if it is of no kind that is followed.
static bool operate(struct expression_stack *stack, struct cfi_reader *reader, uint8_t op)
{
	if (stack->depth == 0)
		return false;
	struct cfi_value *top = &stack->values[stack->depth - 1];
	if (op == 0x06) { // deref
		bool can_load = !top->is_loaded && top->base != CFI_NUMBER;
		top->is_loaded = true;
		return can_load;
	}
	if (op == 0x23) // plus_uconst
		return cfi_add_number(top, (int64_t)cfi_read_uleb(reader));
	if (stack->depth < 2 || top->base != CFI_NUMBER)
		return false;
	int64_t number = top->offset, result;
	top = &stack->values[--stack->depth - 1];
	if (top->base != CFI_NUMBER) // plus, minus
		return (op == 0x22 || op == 0x1c) && cfi_add_number(top, op == 0x22 ? number : -number);
	if (!combine(op, top->offset, number, &result))
		return false;
	*top = number_value(result);
	return true;
}

struct cfi_value cfi_evaluate(struct cfi_reader *reader, uintptr_t expression, struct cfi_value first, uintptr_t pc)
{
	struct expression_stack stack = { .depth = 0 };
	if (first.base != CFI_NOWHERE)
		stack.values[stack.depth++] = first;
	reader->at = expression;
	uint64_t length = cfi_read_uleb(reader);
	uintptr_t limit = reader->at + length;
	while (reader->at < limit && !reader->has_failed) {
		uint8_t op = cfi_read_u8(reader);
		struct cfi_value operand = read_operand(reader, op, pc);
		if (operand.base == CFI_NOWHERE) {
			if (!operate(&stack, reader, op))
				return unknown;
		} else {
			if (stack.depth == STACK_DEPTH)
				return unknown;
			stack.values[stack.depth++] = operand;
		}
	}
	if (reader->has_failed || stack.depth == 0 || stack.values[stack.depth - 1].base == CFI_NUMBER)
		return unknown;
	return stack.values[stack.depth - 1];
}
