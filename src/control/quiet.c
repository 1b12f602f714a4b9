// SPDX-License-Identifier: Apache-2.0
// Quiet: a time in which this thread gets no signal.  INSIDE.
#include "control/quiet.h"

#include <signal.h>

#include "base/system.h"

#define BIT(signal) (UINT64_C(1) << ((signal)-1))

static uint64_t pending_signals(void)
{
	uint64_t pending = 0;
	system_call3(SYS_rt_sigpending, (long)&pending, sizeof(pending), 0);
	return pending & (BIT(SIGXFSZ) | BIT(SIGPIPE));
}

struct quiet quiet_begin(void)
{
	struct quiet quiet = { .mask = system_block_signals(~UINT64_C(0)) };
	quiet.pending = pending_signals();
	return quiet;
}

void quiet_end(const struct quiet *quiet)
{
	uint64_t ours;
	struct timespec at_once = { 0, 0 };
	while ((ours = pending_signals() & ~quiet->pending) &&
	       system_call4(SYS_rt_sigtimedwait, (long)&ours, 0, (long)&at_once, sizeof(ours)) > 0)
		;
	system_block_signals(quiet->mask);
}
