// SPDX-License-Identifier: Apache-2.0
/*
 * Quiet: a time in which this thread gets no signal, neither from outside nor for what cairn writes: a full
 * disk sends SIGXFSZ, a closed pipe SIGPIPE, which would end the program.
 *
 * INSIDE, any thread, signal handlers too.
 */
#ifndef CAIRN_CONTROL_QUIET_H
#define CAIRN_CONTROL_QUIET_H

#include <stdint.h>

struct quiet {
	uint64_t mask;    // of blocked signals, before
	uint64_t pending; // SIGXFSZ and SIGPIPE that were so already
};

struct quiet quiet_begin(void);
// Signals of the two kinds that came meanwhile are dropped.
void quiet_end(const struct quiet *quiet);

#endif
