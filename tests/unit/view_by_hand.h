// SPDX-License-Identifier: Apache-2.0
// A view made by hand: functions are letters of the alphabet, a stack is a word of them from the root to the leaf.
#ifndef CAIRN_TESTS_VIEW_BY_HAND_H
#define CAIRN_TESTS_VIEW_BY_HAND_H

#include <stdlib.h>
#include <string.h>

#include "report/view.h"

#define BY_HAND_MAX_STACKS 64

struct by_hand {
	struct view view;
	struct store store;
	struct profile_type type;
	struct view_frame frames[26];
	char names[26][2];
	struct view_stack stacks[BY_HAND_MAX_STACKS];
	uint32_t stack_frames[BY_HAND_MAX_STACKS][64];
	int64_t values[BY_HAND_MAX_STACKS], total;
	double variances[BY_HAND_MAX_STACKS], variance;
};

static inline void by_hand_init(struct by_hand *by_hand)
{
	*by_hand = (struct by_hand){ .type = { "inuse_space", "bytes" } };
	by_hand->view = (struct view){
		.store = &by_hand->store, .types = &by_hand->type, .num_types = 1, .frames = by_hand->frames, .num_frames = 26,
		.stacks = by_hand->stacks, .totals = &by_hand->total, .variances = &by_hand->variance, .whole_totals = &by_hand->total,
	};
	for (int i = 0; i < 26; i++) {
		by_hand->names[i][0] = (char)('a' + i);
		by_hand->frames[i] = (struct view_frame){ .name = by_hand->names[i], .file = "", .binary = "", .is_named = true };
	}
}

static inline void by_hand_add(struct by_hand *by_hand, const char *word, int64_t value)
{
	size_t number = by_hand->view.num_stacks++, length = strlen(word);
	for (size_t i = 0; i < length; i++)
		by_hand->stack_frames[number][i] = (uint32_t)(word[length - 1 - i] - 'a');
	by_hand->values[number] = value;
	by_hand->stacks[number] = (struct view_stack){
		.frames = by_hand->stack_frames[number], .num_frames = (uint32_t)length, .values = &by_hand->values[number],
		.variances = &by_hand->variances[number],
	};
	if (__builtin_add_overflow(by_hand->total, value, &by_hand->total))
		by_hand->total = INT64_MAX;
}

#endif
