// SPDX-License-Identifier: Apache-2.0
/*
 * Merge: the sum or difference of profiles, also of different processes and programs (places.h).
 *
 * Samples with equal stacks become one; those that come to nothing are left out.  Values are added as they are,
 * so the largest period is that of the whole, as google/pprof has it.
 *
 * OUTSIDE; one thread.  Memory grows with distinct stacks, not with profiles.
 */
#ifndef CAIRN_PROFILE_MERGE_H
#define CAIRN_PROFILE_MERGE_H

#include "profile/profile.h"

struct merge;

struct merge *merge_create(void);
void merge_destroy(struct merge *merge); // NULL: nothing to do

enum merge_sign {
	MERGE_ADD = 1,
	MERGE_SUBTRACT = -1,
};

// Where to push the next profile whole; valid until merge_begin() or merge_destroy().  If that ends early, the
// merge holds a part of the profile and is only good for merge_destroy().  Samples that name locations which
// were not pushed end the stream.
const struct profile_sink *merge_begin(struct merge *merge, enum merge_sign sign);

// Push the whole into sink: true if it took all of it.
//
// The first mapping is that of the first profile that has one.  The time is the latest of those added.  If there
// were subtracted ones the duration is the time since the latest of them, else the sum of durations.  Of the comments
// of those added each is kept once, up to 64.
bool merge_push(struct merge *merge, const struct profile_sink *sink);

#endif
