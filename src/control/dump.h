// SPDX-License-Identifier: Apache-2.0
/*
 * Dumps: writing the profile, from within the program.
 *
 * INSIDE, any thread and, for dump_write(), signal handlers: memory and a stack come from the kernel, files
 * are written with raw calls, all signals are blocked meanwhile, and one dump runs at a time.
 */
#ifndef CAIRN_CONTROL_DUMP_H
#define CAIRN_CONTROL_DUMP_H

#include <stdbool.h>

enum dump_result {
	DUMP_WRITTEN,
	DUMP_FAILED, // counted, and said if CAIRN_VERBOSE=1
	DUMP_BUSY,   // another one did not end for ten seconds
};

// Write the next files of CAIRN_OUT: the heap now and, with CAIRN_PEAK=1, at its peak.  why is for
// CAIRN_VERBOSE.
enum dump_result dump_write(const char *why);

// The same for the last time: no numbered dump begins after this one, which the end of the process
// would cut off, and one under way is waited for.  Writes nothing if nothing was ever to be recorded
// (CAIRN_RATE=0), or if the ledger is in a file.
enum dump_result dump_write_last(const char *why);

// Write one profile to path, replacing what is there in one step.
enum dump_result dump_to_path(const char *path, bool is_peak);

// Write one profile to an open descriptor.
enum dump_result dump_to_fd(int fd);

// The next dump on growth is due when the heap has grown by CAIRN_DUMP_GROWTH from now.
void dump_set_growth_limit(void);

// Set up; and in a forked child, begin anew.
void dump_init(void);

// The process whose dumps these are.
int dump_get_pid(void);

#endif
