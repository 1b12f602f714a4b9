// SPDX-License-Identifier: Apache-2.0
// Ages: when the oldest live block of each site was allocated.  OUTSIDE.
#include "report/ages.h"

#include <time.h>

#define MAX_BLOCKS (UINT64_C(1) << 24)
#define SHARE 400 // of one processor: a 400th

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static bool note_block(void *context, const struct target_block *block)
{
	board_note_birth(context, block->site, block->birth_ticks);
	return true;
}

static void read_births(struct ages *ages, struct board *board, struct target *target)
{
	struct error error;
	int64_t start_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	board_forget_births(board);
	target_read_blocks(target, MAX_BLOCKS, note_block, board, &error);
	int64_t cost_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - start_ns;
	ages->next_time_ns = clock_ns(CLOCK_MONOTONIC) + cost_ns * SHARE;
}

void ages_update(struct ages *ages, struct board *board, struct target *target)
{
	if (clock_ns(CLOCK_MONOTONIC) >= ages->next_time_ns)
		read_births(ages, board, target);
	board_set_ages(board);
}
