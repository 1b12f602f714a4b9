// SPDX-License-Identifier: Apache-2.0
/*
 * Sentinel: a process that tells signals to our process group from signals to us.
 *
 * Who sends a signal cannot be asked whom it was meant for.  The sentinel is one more process in the group and blocks
 * every signal: what is pending there as well was for all.  The kernel gives a signal to the newest process of a
 * group first, so what we got the sentinel, which is newer, has got.
 *
 * OUTSIDE.
 */
#ifndef CAIRN_LAUNCH_SENTINEL_H
#define CAIRN_LAUNCH_SENTINEL_H

#include <stdbool.h>
#include <sys/types.h>

struct sentinel {
	pid_t pid; // 0: there is none
	int fd;    // where it is asked; -1: there is none
};

// Start it; all signals must be blocked.  Without one (no process to be had) no signal counts as the group's.
void sentinel_init(struct sentinel *sentinel);
void sentinel_deinit(struct sentinel *sentinel);
// It has ended, and has been waited for.
void sentinel_note_end(struct sentinel *sentinel);

// True if it got this signal from that sender (0: the kernel), too; asked once for each signal that we got.
bool sentinel_has_got(struct sentinel *sentinel, int signal, pid_t sender);

// We are about to stop, since the child has: send us SIGCONT when it goes on.
void sentinel_watch(struct sentinel *sentinel, pid_t child);

#endif
