// SPDX-License-Identifier: Apache-2.0
/*
 * Frames: the places of a store as named frames, each frame once, and what patterns say of them.
 *
 * A place is one frame, or several if calls were inlined there.  Frames are made when a stack first has them.
 *
 * OUTSIDE; one thread.  Names may hold any bytes: printable.h is for that.
 */
#ifndef CAIRN_REPORT_FRAMES_H
#define CAIRN_REPORT_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "profile/store.h"

struct view_frame {
	const char *name;   // "parse"; without one "[libfoo.so+0x1234]", "[vdso]", "[0x7f0012]"
	const char *file;   // of the source; "": not known
	const char *binary; // path of the mapping; "": none
	int64_t line;       // of the code, if lines are asked for and known, else 0
	bool is_named;      // else its function is not known
};

struct frames_request {
	bool by_lines;             // lines of one function are different frames
	const char *focus, *ignore; // what frames_are_wanted() asks for; NULL: nothing
	const char *hide;          // frames_of() leaves out what matches this, and not what it calls; NULL: nothing
	const char *drop, *keep;   // frames_of() leaves out what matches drop and not keep, and what it calls; "": nothing
};

struct frames {
	const struct store *store;
	struct view_frame *frames; // those made so far
	uint32_t num_frames;
	struct frames_tables *tables; // of its own
};

// False if a pattern is none.  frames_deinit() in any case.
bool frames_init(struct frames *frames, const struct store *store, const struct frames_request *request, struct error *error);
void frames_deinit(struct frames *frames);

// The frames of a sample, leaf first, and how many; valid until the next call.
size_t frames_of(struct frames *frames, const struct store_sample *sample, const uint32_t **stack);

// True if one of them matches focus and none matches ignore: by its function, its file or its program.
bool frames_are_wanted(struct frames *frames, const uint32_t *stack, size_t num_frames);

#endif
