// SPDX-License-Identifier: Apache-2.0
/*
 * Sentinel: a process that tells signals to our process group from signals to us.
 *
 * Who sends a signal cannot be asked whom it was meant for.  The sentinel is one more process in the group and blocks
 * every signal: what it gets as well was for all.
 *
 * OUTSIDE.
 */
#ifndef CAIRN_LAUNCH_SENTINEL_H
#define CAIRN_LAUNCH_SENTINEL_H

#include <stdbool.h>
#include <sys/types.h>

struct sentinel {
	pid_t pid; // 0: there is none
	int fd;    // where it reports; -1: there is none
};

// Start it; all signals must be blocked.  Without one (no process to be had) no signal counts as the group's.
void sentinel_init(struct sentinel *sentinel);
void sentinel_deinit(struct sentinel *sentinel);

// True if it got this signal from that sender, too.  Waits a few milliseconds for it.
bool sentinel_has_seen(struct sentinel *sentinel, int signal, pid_t sender);

#endif
