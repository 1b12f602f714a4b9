// SPDX-License-Identifier: Apache-2.0
// Stacks for rules, made by hand, and what rules leave of them.
#ifndef CAIRN_TESTS_RULES_BY_HAND_H
#define CAIRN_TESTS_RULES_BY_HAND_H

#include <stdlib.h>
#include <string.h>

#include "leaks/kind.h"
#include "leaks/rules.h"
#include "profile/heap.h"
#include "profile/store.h"

#define BY_HAND_MAX_FRAMES 40

struct by_hand_frame {
	const char *name; // NULL: the stack ends
	const char *system_name, *file, *binary; // NULL: not known
	int64_t line;
	bool is_inlined; // in the next one
};

static inline const char *by_hand_text(const char *text)
{
	return text ? text : "";
}

static inline bool by_hand_push_frames(const struct profile_sink *sink, const struct by_hand_frame *frames,
				       uint32_t *num_frames)
{
	bool is_taken = true;
	uint32_t num = 0;
	for (; frames[num].name; num++)
		if (frames[num].binary)
			is_taken &= sink->mapping(sink->context, &(struct profile_mapping){
				.id = num + 1, .start = 0x1000, .limit = 0x2000, .path = frames[num].binary, .build_id = "" });
	for (uint32_t i = 0; i < num; i++)
		if (*frames[i].name)
			is_taken &= sink->function(sink->context, &(struct profile_function){
				.id = i + 1, .name = frames[i].name, .system_name = by_hand_text(frames[i].system_name),
				.filename = by_hand_text(frames[i].file) });
	*num_frames = num;
	return is_taken;
}

// A stack, from the leaf on, that has lost objects and bytes, of a kind (LEAK_NUM_KINDS: without a label), with a head (0:
// without one).
static inline bool by_hand_push_with(struct store *store, enum leak_kind kind, int64_t head, int64_t objects, int64_t bytes,
				     const struct by_hand_frame *frames)
{
	const struct profile_description description = {
		.types = heap_types, .num_types = 2, .default_type = "", .period_type = heap_period_type, .period = 1,
		.drop_frames = "", .keep_frames = "" };
	const struct profile_sink *sink = store_begin(store, 0, STORE_ADD);
	struct profile_line lines[BY_HAND_MAX_FRAMES];
	uint32_t ids[BY_HAND_MAX_FRAMES], num_frames = 0, num_locations = 0, num_lines = 0;
	bool is_taken = sink->description(sink->context, &description) && by_hand_push_frames(sink, frames, &num_frames);
	for (uint32_t i = 0; i < num_frames; i++) {
		lines[num_lines++] = (struct profile_line){ .function_id = *frames[i].name ? i + 1 : 0, .line = frames[i].line };
		if (frames[i].is_inlined)
			continue;
		is_taken &= sink->location(sink->context, &(struct profile_location){
			.id = i + 1, .mapping_id = frames[i].binary ? i + 1 : 0, .address = 0x1100 + i, .lines = lines,
			.num_lines = num_lines > 1 || *frames[i].name ? num_lines : 0 });
		ids[num_locations++] = i + 1;
		num_lines = 0;
	}
	const int64_t values[] = { objects, bytes };
	const struct profile_label labels[] = {
		{ .key = LEAK_LABEL, .string = kind < LEAK_NUM_KINDS ? leak_kind_names[kind] : "", .unit = "" },
		{ .key = LEAK_HEAD_LABEL, .number = head, .unit = "" } };
	return is_taken && sink->sample(sink->context, &(struct profile_sample){
		.location_ids = ids, .num_locations = num_locations, .values = values, .labels = labels,
		.num_labels = kind == LEAK_NUM_KINDS ? 0 : head ? 2 : 1 });
}

static inline bool by_hand_push(struct store *store, enum leak_kind kind, int64_t objects, int64_t bytes,
				const struct by_hand_frame *frames)
{
	return by_hand_push_with(store, kind, 0, objects, bytes, frames);
}

#endif
