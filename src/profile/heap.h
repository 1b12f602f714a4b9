// SPDX-License-Identifier: Apache-2.0
/*
 * Heap: the types of a heap profile, in the order in which Go's have them.
 *
 * BOTH worlds.
 */
#ifndef CAIRN_PROFILE_HEAP_H
#define CAIRN_PROFILE_HEAP_H

#include "profile/profile.h"

enum heap_value {
	HEAP_ALLOC_OBJECTS,
	HEAP_ALLOC_SPACE,
	HEAP_INUSE_OBJECTS,
	HEAP_INUSE_SPACE,
	HEAP_NUM_VALUES,
};

extern const struct profile_type heap_types[HEAP_NUM_VALUES];
extern const struct profile_type heap_period_type; // space in bytes

// The functions that programs allocate through, which are of no interest as the leaves of every stack.  The
// pattern must match a whole name, without parameters (google/pprof, profile/prune.go).
extern const char heap_drop_frames[];

#endif
