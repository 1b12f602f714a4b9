// SPDX-License-Identifier: Apache-2.0
// Walk: the call stack of an allocation.  INSIDE.
#include "unwind/walk.h"

// A frame on its way to its caller.
struct cursor {
	uintptr_t pc; // return address, or exact if is_exact
	uintptr_t sp;
	uintptr_t fp;
	bool has_fp;
	bool is_exact;
};

static bool step_plain(struct cursor *cursor, struct stack *stack, struct rule rule)
{
	if (rule.kind == RULE_RBP && !cursor->has_fp)
		return false;
	uintptr_t cfa = (rule.kind == RULE_RSP ? cursor->sp : cursor->fp) + rule.cfa * 8UL;
	if (cfa <= cursor->sp || !stack_read(stack, cfa - 8, &cursor->pc))
		return false;
	if (rule.rbp)
		cursor->has_fp = stack_read(stack, cfa - rule.rbp * 8UL, &cursor->fp);
	cursor->sp = cfa;
	cursor->is_exact = false;
	return true;
}

static bool evaluate(const struct cfi_value *value, const struct cursor *cursor, struct stack *stack, uintptr_t cfa,
		     uintptr_t *result)
{
	uintptr_t offset = (uintptr_t)(intptr_t)value->offset;
	switch (value->base) {
	case CFI_RSP: *result = cursor->sp + offset; break;
	case CFI_RBP: *result = cursor->fp + offset; break;
	case CFI_CFA: *result = cfa + offset; break;
	default: return false;
	}
	if (value->base == CFI_RBP && !cursor->has_fp)
		return false;
	if (value->is_loaded && !stack_read(stack, *result, result))
		return false;
	*result += (uintptr_t)(intptr_t)value->added;
	return true;
}

static bool step_general(struct cursor *cursor, struct stack *stack, struct stack_memory *memory,
			 const struct cfi_rule *rule)
{
	uintptr_t cfa, return_at, rbp_at;
	struct cursor next = *cursor;
	if (!evaluate(&rule->cfa, cursor, stack, 0, &cfa) ||
	    !evaluate(&rule->return_at, cursor, stack, cfa, &return_at) || !stack_read(stack, return_at, &next.pc))
		return false;
	if (!rule->keeps_rbp)
		next.has_fp = evaluate(&rule->rbp_at, cursor, stack, cfa, &rbp_at) && stack_read(stack, rbp_at, &next.fp);
	next.sp = cfa;
	next.is_exact = rule->is_signal;
	if (rule->is_signal) // what was interrupted may have been on another stack
		stack_init(stack, memory, cfa);
	else if (cfa <= cursor->sp)
		return false;
	*cursor = next;
	return true;
}

// Without call-frame information: rbp may point to the caller's rbp, with the return address above it.
// It is believed if it lies above the stack pointer on this stack and what it leads to was called.
static bool step_guessed(struct cursor *cursor, struct stack *stack)
{
	uintptr_t fp, pc;
	if (!cursor->has_fp || cursor->fp < cursor->sp || !stack_read(stack, cursor->fp, &fp) ||
	    !stack_read(stack, cursor->fp + 8, &pc) || !rules_follows_call(pc))
		return false;
	cursor->sp = cursor->fp + 16;
	cursor->fp = fp;
	cursor->pc = pc;
	cursor->is_exact = false;
	return true;
}

void walk_stack(struct walk *walk, struct rules *rules, struct ledger *ledger, struct stack_memory *memory,
		const struct origin *origin, uintptr_t own_start, uintptr_t own_limit)
{
	struct cursor cursor = { .pc = origin->pc, .sp = origin->sp, .fp = origin->fp, .has_fp = true };
	struct stack stack;
	stack_init(&stack, memory, origin->sp);
	walk->num_frames = 0;
	walk->num_guessed = 0;
	walk->end = WALK_COMPLETE;
	while (cursor.pc) {
		struct place place;
		uintptr_t pc = cursor.pc - !cursor.is_exact;
		if (walk->num_frames == WALK_MAX_FRAMES) {
			walk->end = WALK_TRUNCATED;
			return;
		}
		if (!rules_find(rules, ledger, pc, cursor.is_exact, &place)) {
			walk->end = WALK_LOST;
			return;
		}
		if (!place.frame) {
			walk->end = WALK_FULL;
			return;
		}
		if (pc < own_start || pc >= own_limit)
			walk->frames[walk->num_frames++] = place.frame;
		bool has_stepped = false;
		switch (place.rule.kind) {
		case RULE_END: return;
		case RULE_RSP:
		case RULE_RBP: has_stepped = step_plain(&cursor, &stack, place.rule); break;
		case RULE_GENERAL:
			has_stepped = step_general(&cursor, &stack, memory, &rules->general[place.rule.cfa]);
			break;
		default:
			// The outermost frame of a stack has 0 in rbp (System V ABI for AMD64, 3.4.1).
			if (cursor.has_fp && cursor.fp == 0)
				return;
			has_stepped = step_guessed(&cursor, &stack);
			walk->num_guessed += has_stepped;
			if (!has_stepped) {
				walk->end = WALK_ENDED;
				return;
			}
		}
		if (!has_stepped) {
			walk->end = WALK_LOST;
			return;
		}
	}
}
