// SPDX-License-Identifier: Apache-2.0
// Walk: the call stack of an allocation.  INSIDE.
#include "unwind/walk.h"

#include <string.h>

// A frame on its way to its caller.
struct cursor {
	uintptr_t pc; // return address, or exact if is_exact
	uintptr_t sp;
	uintptr_t fp;
	bool has_fp;
	bool is_exact;
};

static inline __attribute__((always_inline)) bool step_plain(struct cursor *cursor, struct stack *stack, struct rule rule)
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
	if (stack->is_own)
		stack_distrust(stack, cursor->sp);
	if (!cursor->has_fp || cursor->fp < cursor->sp || !stack_read(stack, cursor->fp, &fp) ||
	    !stack_read(stack, cursor->fp + 8, &pc) || !rules_follows_call(pc))
		return false;
	cursor->sp = cursor->fp + 16;
	cursor->fp = fp;
	cursor->pc = pc;
	cursor->is_exact = false;
	return true;
}

// One step up: from a frame whose place is known to its caller.
enum stepped {
	STEPPED_PLAIN,   // as trail.h describes
	STEPPED_OTHERWISE,
	STEPPED_END,     // there is no caller
	STEPPED_NOWHERE, // there may be one, but no way to it
};

static __attribute__((noinline)) enum stepped step_otherwise(struct walk *walk, struct cursor *cursor, struct stack *stack,
							    struct stack_memory *memory, const struct rules *rules,
							    struct rule rule)
{
	if (rule.kind == RULE_END)
		return STEPPED_END;
	if (rule.kind == RULE_GENERAL)
		return step_general(cursor, stack, memory, &rules->general[rule.cfa]) ? STEPPED_OTHERWISE : STEPPED_NOWHERE;
	// The outermost frame of a stack has 0 in rbp (System V ABI for AMD64, 3.4.1).
	if (cursor->has_fp && cursor->fp == 0)
		return STEPPED_END;
	bool has_stepped = step_guessed(cursor, stack);
	walk->num_guessed += has_stepped;
	return has_stepped ? STEPPED_OTHERWISE : STEPPED_NOWHERE;
}

static inline void set_trail_step(struct trail_step *step, const struct cursor *cursor)
{
	step->pc = cursor->pc;
	step->sp = cursor->sp;
	step->fp = cursor->fp;
	step->rbp = 0;
	step->has_fp = cursor->has_fp;
	step->link = TRAIL_LAST;
}

// Add a step to the trail, or what it does not cover (trail.h): that must be looked for again.
static inline void keep(struct trail *trail, struct trail_step *now, enum stepped stepped, const struct rule *rule,
		 const struct cursor *next, bool was_exact, bool has_frame)
{
	bool is_covered = !was_exact && (stepped == STEPPED_PLAIN || stepped == STEPPED_END);
	if (is_covered && stepped == STEPPED_PLAIN) {
		now->link = TRAIL_CALL;
		now->rbp = rule->rbp;
		is_covered = !rule->rbp || (next->has_fp && rule->rbp * 8UL <= next->sp - now->sp);
	}
	trail->is_broken |= stepped == STEPPED_NOWHERE;
	if (is_covered)
		trail_add(trail, has_frame);
	else
		trail_restart(trail);
}

// The steps of a branch as if they had been made: the cursor follows.
static void follow(struct walk *walk, struct cursor *cursor, struct trail *trail, const struct branch *branch)
{
	uint32_t num_steps = branch->num_steps, num_frames = 0;
	for (uint32_t i = 0; i < num_steps; i++) {
		num_frames += branch->steps[i].num_frames;
		trail->steps[i] = branch->steps[i];
	}
	for (uint32_t i = 0; i < num_frames; i++)
		walk->frames[i] = branch->frames[i];
	trail->num_new = num_steps;
	walk->num_frames = num_frames;
	cursor->pc = branch->steps[num_steps].pc;
	cursor->sp = branch->steps[num_steps].sp;
	cursor->fp = branch->steps[num_steps].fp;
	cursor->has_fp = branch->steps[num_steps].has_fp;
}

// Walk until the end, or to where the trail goes on.  That step of the trail is returned; NULL at the end.
static struct trail_step *go(struct walk *walk, struct rules *rules, struct ledger *ledger, struct stack_memory *memory,
			     struct walk_memory *before, struct branch **known, const struct trail_step *start,
			     uintptr_t own_start, uintptr_t own_limit)
{
	// In registers: the functions that change it are inlined, or get a copy.
	struct cursor cursor = { .pc = start->pc, .sp = start->sp, .fp = start->fp, .has_fp = true };
	struct trail *trail = before ? &before->trail : NULL;
	struct trail_step *kept = trail ? trail_begin(trail, rules_epoch(rules)) : NULL;
	struct stack stack;
	struct trail_step alone;
	stack_init(&stack, memory, start->sp);
	if (before)
		rules_recent_begin(&before->recent, rules);
	*known = before && before->branches ? branches_find(before->branches, trail->epoch, start, &stack) : NULL;
	if (*known)
		follow(walk, &cursor, trail, *known);
	while (cursor.pc) {
		struct place place;
		struct trail_step *now = trail ? trail_next(trail) : &alone;
		set_trail_step(now, &cursor);
		uintptr_t pc = cursor.pc - !cursor.is_exact;
		bool is_exact = cursor.is_exact, has_frame = pc < own_start || pc >= own_limit;
		if (trail && !is_exact && trail_find(trail, &kept, now, &stack))
			return kept;
		bool is_found = trail && !is_exact ? rules_find_again(rules, &before->recent, ledger, pc, &place)
						   : rules_find(rules, ledger, pc, is_exact, &place);
		walk->end = has_frame && walk->num_frames == WALK_MAX_FRAMES ? WALK_TRUNCATED
			    : !is_found					     ? WALK_LOST
			    : !place.frame				     ? WALK_FULL
									     : WALK_COMPLETE;
		if (walk->end != WALK_COMPLETE)
			return NULL;
		if (has_frame)
			walk->frames[walk->num_frames++] = place.frame;
		enum stepped stepped;
		if (place.rule.kind == RULE_RSP || place.rule.kind == RULE_RBP) {
			stepped = step_plain(&cursor, &stack, place.rule) ? STEPPED_PLAIN : STEPPED_NOWHERE;
		} else {
			struct cursor copy = cursor;
			stepped = step_otherwise(walk, &copy, &stack, memory, rules, place.rule);
			cursor = copy;
		}
		if (stepped == STEPPED_NOWHERE)
			walk->end = place.rule.kind == RULE_UNKNOWN ? WALK_ENDED : WALK_LOST;
		if (trail)
			keep(trail, now, stepped, &place.rule, &cursor, is_exact, has_frame);
		if (stepped == STEPPED_END || stepped == STEPPED_NOWHERE)
			return NULL;
	}
	if (trail) {
		set_trail_step(trail_next(trail), &cursor);
		trail_add(trail, false);
	}
	return NULL;
}

void walk_forget(struct walk_memory *memory)
{
	trail_clear(&memory->trail);
	memset(&memory->recent, 0, sizeof(memory->recent));
	if (memory->branches)
		memset(memory->branches, 0, sizeof(*memory->branches));
}

void walk_stack(struct walk *walk, struct rules *rules, struct ledger *ledger, struct stack_memory *memory,
		struct walk_memory *before, const struct origin *origin, uintptr_t own_start, uintptr_t own_limit)
{
	struct trail *trail = before ? &before->trail : NULL;
	struct trail_step start = { .pc = origin->pc, .sp = origin->sp, .fp = origin->fp, .has_fp = true };
	*walk = (struct walk){ .frames = walk->frames };
	if (trail && trail_repeats(trail, rules_epoch(rules), &start, memory, &walk->num_kept))
		return;
	struct branches *branches = before ? before->branches : NULL;
	struct branch *known = NULL;
	struct trail_step *first = go(walk, rules, ledger, memory, before, &known, &start, own_start, own_limit);
	if (first && walk->num_frames + first->num_frames > WALK_MAX_FRAMES) { // to be cut as any other that is too deep
		trail_clear(trail);
		*walk = (struct walk){ .frames = walk->frames };
		first = go(walk, rules, ledger, memory, before, &known, &start, own_start, own_limit);
	}
	if (first)
		walk->num_kept = first->num_frames;
	if (!trail)
		return;
	trail->is_broken |= walk->end != WALK_COMPLETE;
	bool is_whole = !trail->is_broken && trail->num_new && trail_is_equal(&trail->steps[0], &start);
	if (branches && is_whole && (!known || (known->num_steps < trail->num_new && known->num_steps < BRANCH_MAX_STEPS)))
		branches_keep(branches, known, trail, first, walk->frames);
	trail_finish(trail, first);
}
