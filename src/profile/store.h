// SPDX-License-Identifier: Apache-2.0
/*
 * Store: profiles in memory, one or the sum or difference of many, also of different processes and programs.
 *
 * Samples with equal stacks and labels become one.  Stacks are equal if their places are (places.h).  Values are added as
 * they are, so the largest period is that of the whole, as google/pprof has it.  Profiles are combined over the types
 * that they share; those of another period type are refused.
 *
 * To compare profiles a store has two sides: the same stacks with a value of each type for each side.
 *
 * OUTSIDE; one thread.  Memory grows with distinct stacks, not with profiles.
 */
#ifndef CAIRN_PROFILE_STORE_H
#define CAIRN_PROFILE_STORE_H

#include "base/error.h"
#include "profile/places.h"
#include "profile/profile.h"
#include "profile/strings.h"

#define STORE_MAX_COMMENTS 64 // of each side

enum store_sign {
	STORE_ADD = 1,
	STORE_SUBTRACT = -1,
};

struct store_sample {
	int64_t *values; // store->num_types for each side: values[side * num_types + type]
	uint32_t label_set; // for store_get_labels(); 0: no labels
	uint32_t num_places;
	uint32_t *places; // leaf first; numbers from 1, of store->places
};

// What a side's profiles say of themselves.
struct store_side {
	uint32_t num_profiles;
	int64_t time_ns;     // the latest of those added; 0: none
	int64_t duration_ns; // if there were subtracted ones the time since the latest of them, else the sum of durations
	int64_t added_duration_ns, subtracted_time_ns;
	const char *comments[STORE_MAX_COMMENTS]; // of those added, each once
	size_t num_comments;
	uint64_t num_more_comments;
};

struct store {
	struct strings strings;
	struct profile_type types[PROFILE_MAX_TYPES]; // those of the first profile
	bool is_shared[PROFILE_MAX_TYPES];            // by all profiles so far
	size_t num_types;
	const char *default_type, *drop_frames, *keep_frames;
	struct profile_type period_type;
	int64_t period;
	struct store_side sides[2];
	uint32_t num_sides;
	struct places places;
	struct store_sample **samples; // in the order in which they came
	size_t num_samples;
	struct store_tables *tables; // of its own
};

struct store *store_create(uint32_t num_sides);
void store_destroy(struct store *store); // NULL: nothing to do

// Where to push the next profile whole; valid until the next store_begin() or store_destroy().  If that ends early, the
// store holds a part of the profile and is only good for store_destroy(); but one that is refused for its types, which its
// description tells, leaves no trace.
const struct profile_sink *store_begin(struct store *store, uint32_t side, enum store_sign sign);

// Why the store itself ended the stream; NULL: it did not.
const char *store_get_problem(const struct store *store);

// The labels of a set.
const struct profile_label *store_get_labels(const struct store *store, uint32_t label_set, size_t *num_labels);

// Push side 0 into sink: true if it took all of it.  Samples that come to nothing are left out, and types that were not
// shared.  The first mapping is that of the first profile that has one.  Of the comments each is kept once, up to
// STORE_MAX_COMMENTS.
bool store_push(struct store *store, const struct profile_sink *sink);

#endif
