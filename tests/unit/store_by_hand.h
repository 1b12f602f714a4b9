// SPDX-License-Identifier: Apache-2.0
// A store for each test, with helpers that push small heap profiles into it by hand.
#ifndef CAIRN_TESTS_STORE_BY_HAND_H
#define CAIRN_TESTS_STORE_BY_HAND_H

#include "unit/unit.h"

#include "profile/heap.h"
#include "profile/store.h"
#include "unit/recorder.h"

static struct store *store;
static struct recorder recorder;

static inline int create(void **state)
{
	(void)state;
	store = store_create(2);
	recorder_init(&recorder);
	return 0;
}

static inline int destroy(void **state)
{
	(void)state;
	store_destroy(store);
	recorder_deinit(&recorder);
	return 0;
}

// Of a heap profile.
static inline struct profile_description describe(int64_t period, int64_t time_ns, int64_t duration_ns)
{
	return (struct profile_description){ .types = heap_types, .num_types = HEAP_NUM_VALUES, .default_type = "",
					     .period_type = heap_period_type, .period = period, .time_ns = time_ns,
					     .duration_ns = duration_ns, .drop_frames = "", .keep_frames = "" };
}

static inline const struct profile_sink *begin_side(uint32_t side, enum store_sign sign, int64_t period, int64_t time_ns)
{
	const struct profile_description description = describe(period, time_ns, 0);
	const struct profile_sink *sink = store_begin(store, side, sign);
	assert_true(sink->description(sink->context, &description));
	return sink;
}

static inline const struct profile_sink *begin(enum store_sign sign, int64_t period, int64_t time_ns)
{
	return begin_side(0, sign, period, time_ns);
}

static inline void push_mapping(const struct profile_sink *sink, uint32_t id, uint64_t start, uint64_t size_bytes,
				const char *path, const char *build_id)
{
	const struct profile_mapping mapping = { .id = id, .start = start, .limit = start + size_bytes, .offset = 0x1000,
						 .path = path, .build_id = build_id };
	assert_true(sink->mapping(sink->context, &mapping));
}

static inline void push_function(const struct profile_sink *sink, uint32_t id, const char *name)
{
	const struct profile_function function = { .id = id, .name = name, .system_name = "", .filename = "" };
	assert_true(sink->function(sink->context, &function));
}

// A location with a line of a function (0: none).
static inline void push_location(const struct profile_sink *sink, uint32_t id, uint32_t mapping, uint64_t address,
				 uint32_t function)
{
	const struct profile_line line = { .function_id = function };
	const struct profile_location location = { .id = id, .mapping_id = mapping, .address = address, .lines = &line,
						   .num_lines = function != 0 };
	assert_true(sink->location(sink->context, &location));
}

// A sample of two locations (0: none).
static inline bool push_sample(const struct profile_sink *sink, uint32_t leaf, uint32_t caller, int64_t a, int64_t b,
			       int64_t c, int64_t d)
{
	const uint32_t ids[] = { leaf, caller };
	const int64_t values[] = { a, b, c, d };
	const struct profile_sample sample = { .location_ids = ids, .num_locations = (leaf != 0) + (caller != 0),
					       .values = values };
	return sink->sample(sink->context, &sample);
}

static inline const char *result(void)
{
	recorder_deinit(&recorder);
	recorder_init(&recorder);
	assert_true(store_push(store, &recorder.sink));
	return recorder_text(&recorder);
}

// A process of one program and one library that lie somewhere.
static inline void push_process(enum store_sign sign, uint64_t program, uint64_t library, int64_t value)
{
	const struct profile_sink *sink = begin(sign, 1, 1);
	push_mapping(sink, 5, program, 0x2000, "/bin/program", "");
	push_mapping(sink, 6, library, 0x4000, "/lib/library", "ab12");
	push_location(sink, 50, 5, program + 0x10, 0);
	push_location(sink, 60, 6, library + 0x20, 0);
	assert_true(push_sample(sink, 60, 50, value, 10 * value, 1, 100));
}

static inline const struct profile_sink *begin_labelled(uint32_t side)
{
	const struct profile_sink *sink = begin_side(side, STORE_ADD, 1, 1);
	push_location(sink, 1, 0, 0x1000, 0);
	return sink;
}

static inline void push_labels(const struct profile_sink *sink, const struct profile_label *labels, size_t num_labels)
{
	const uint32_t ids[] = { 1 };
	const int64_t values[] = { 1, 1, 1, 1 };
	const struct profile_sample sample = { .location_ids = ids, .num_locations = 1, .values = values, .labels = labels,
					       .num_labels = num_labels };
	assert_true(sink->sample(sink->context, &sample));
}

#endif
