// SPDX-License-Identifier: Apache-2.0
// Branches: the first steps of many walks.  INSIDE.
#include "unwind/branches.h"

#define KEPT_WITHOUT_CREDIT 16

// Where to keep another one; NULL if it is not worth it.
static struct branch *choose(struct branches *branches, const struct trail_step *start)
{
	if (branches->credit == 0 && branches->num_missed++ % KEPT_WITHOUT_CREDIT != 0)
		return NULL;
	branches->credit -= branches->credit > 0;
	uint64_t tag = branches_tag(start), set = tag % BRANCHES_SETS, way = branches->num_kept++ % BRANCHES_WAYS;
	branches->tags[set][way] = tag;
	return &branches->branch[set][way];
}

void branches_keep(struct branches *branches, struct branch *known, const struct trail *trail, const struct trail_step *joined,
		   const uint32_t *frames)
{
	struct branch *branch = known ? known : choose(branches, &trail->steps[0]);
	if (!branch)
		return;
	uint32_t num_steps = 0, num_frames = 0;
	while (num_steps < trail->num_new && num_steps < BRANCH_MAX_STEPS && trail->steps[num_steps].link == TRAIL_CALL) {
		branch->steps[num_steps] = trail->steps[num_steps];
		num_frames += trail->steps[num_steps++].num_frames;
	}
	const struct trail_step *last = num_steps < trail->num_new ? &trail->steps[num_steps] : joined;
	branch->num_steps = last ? num_steps : 0;
	if (!branch->num_steps)
		return;
	branch->epoch = trail->epoch;
	branch->steps[num_steps] = *last;
	branch->steps[num_steps].link = TRAIL_LAST;
	for (uint32_t i = 0; i < num_frames; i++)
		branch->frames[i] = frames[i];
}
