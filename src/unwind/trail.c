// SPDX-License-Identifier: Apache-2.0
// Trail: the steps of a thread's last walk.  INSIDE.
#include "unwind/trail.h"

#include <string.h>

void trail_finish(struct trail *trail, struct trail_step *first)
{
	struct trail_step *end = trail_end(trail);
	first = first ? first : end;
	uint32_t num_frames = first < end ? first->num_frames : 0;
	trail->num_kept = (uint32_t)(end - first) + trail->num_new;
	if (trail->is_broken || trail->num_kept > TRAIL_MAX_STEPS) {
		trail->num_kept = 0;
		return;
	}
	struct trail_step *start = first - trail->num_new;
	memcpy(start, trail->steps, trail->num_new * sizeof(*start));
	for (struct trail_step *step = first; step > start; step--) {
		num_frames += step[-1].num_frames;
		step[-1].num_frames = num_frames;
	}
}
