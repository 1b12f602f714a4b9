// SPDX-License-Identifier: Apache-2.0
/*
 * Walk: the call stack of an allocation, as frames of the ledger.
 *
 * INSIDE, any thread, signal handlers too; about one KiB of stack.
 */
#ifndef CAIRN_UNWIND_WALK_H
#define CAIRN_UNWIND_WALK_H

#include "unwind/branches.h"
#include "unwind/rules.h"
#include "unwind/stack.h"
#include "unwind/trail.h"

#define WALK_MAX_FRAMES 512

// Where a walk begins: the registers of the caller of an interposed function, just after the call.
struct origin {
	uintptr_t pc; // return address
	uintptr_t sp;
	uintptr_t fp; // rbp
};

// In a function that was reached by a jump from the interposed one, or is it.  Taking the frame's
// address makes the compiler set up rbp there, so that the caller's values lie at fixed places.
#define ORIGIN()                                                              \
	((struct origin){ .pc = (uintptr_t)__builtin_return_address(0),       \
			  .sp = (uintptr_t)__builtin_frame_address(0) + 16,   \
			  .fp = *(const uintptr_t *)__builtin_frame_address(0) })

enum walk_end {
	WALK_COMPLETE,
	WALK_TRUNCATED, // there are more frames
	WALK_ENDED,     // code without call-frame information, and rbp leads nowhere
	WALK_LOST,      // no way to the next frame was found
	WALK_FULL,      // the ledger has no room for a frame
};

// What one thread at a time remembers of its walks, for the next.  Zeroed at the start.
struct walk_memory {
	struct trail trail;
	struct rules_recent recent;
	struct branches *branches; // NULL: walks are too rare for them
};

// Forget everything: a walk was left in the middle, or what its frames belong to is not to be had.
void walk_forget(struct walk_memory *memory);

struct walk {
	uint32_t *frames; // the caller's, room for WALK_MAX_FRAMES; leaf first
	size_t num_frames;
	size_t num_kept; // further frames, up to the root: as many as the last walk had there, the same ones
	uint32_t num_guessed; // frames found by frame pointers alone
	enum walk_end end;
};

// Fill walk in; walk->frames is given.  Frames of the code between own_start and own_limit are left out.
// before may be NULL.
void walk_stack(struct walk *walk, struct rules *rules, struct ledger *ledger, struct stack_memory *memory,
		struct walk_memory *before, const struct origin *origin, uintptr_t own_start, uintptr_t own_limit);

#endif
