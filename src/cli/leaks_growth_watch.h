// SPDX-License-Identifier: Apache-2.0
/*
 * Watching: snapshots of a process's live blocks, taken at fixed moments.
 *
 * OUTSIDE; once in a program, since it handles signals: SIGINT and SIGTERM end the watching early, and those that are units
 * of work are counted from the call on, to the end of the program.  Nothing runs in the process, and it is never stopped.
 */
#ifndef CAIRN_CLI_LEAKS_GROWTH_WATCH_H
#define CAIRN_CLI_LEAKS_GROWTH_WATCH_H

#include "cli/leaks.h"
#include "leaks/watch.h"
#include "target/target.h"

enum watching_end {
	WATCHING_DONE,
	WATCHING_INTERRUPTED,
	WATCHING_GONE, // the process has ended
	WATCHING_LOST, // its ledger cannot be read any more, as when it executes another program
};

struct watching {
	struct watch watch;
	enum watching_end end;
	uint64_t num_units; // of work, from the first snapshot to the last
	uint64_t num_untracked, num_lost; // blocks that could not be followed, and events that were left out, in that time
	double ticks_per_ns;
};

// False: fewer than two snapshots could be taken, and why.
bool watching_init(struct watching *watching, struct target *target, const struct leaks_request *request, struct error *error);
void watching_deinit(struct watching *watching);

#endif
