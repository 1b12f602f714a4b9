// SPDX-License-Identifier: Apache-2.0
/*
 * Target: a ledger to be read, of a running process or a file, as a private copy.
 *
 * A copy, because what is read may change, shrink or vanish at any moment, and its owner may be hostile: what
 * target_ledger() gives is as it was checked.  Nothing runs in the process, and none of its threads is
 * stopped: the memory is read through /proc/PID or with process_vm_readv(), the file with pread().
 *
 * OUTSIDE; one thread for each target.
 */
#ifndef CAIRN_TARGET_TARGET_H
#define CAIRN_TARGET_TARGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "ledger/read.h"

struct target;

// Open what a user named: the id of a process, or the path of a ledger (a name of digits only is a process;
// a path can be written ./123).  The first copy is taken.
bool target_open(struct target **target, const char *name, struct error *error);
// The same of a file only; *target is the caller's to close.
bool target_open_file(struct target **target, const char *path, struct error *error);
void target_close(struct target *target); // NULL: nothing to do

// Take a new copy.  False if the process is gone and left no file, or what is read is damaged; the copy before
// is kept then.
bool target_refresh(struct target *target, struct error *error);

// The copy that was taken last.  Tables of blocks and buckets are not in it.
const struct ledger *target_ledger(const struct target *target);

// When it was taken: CLOCK_REALTIME.
int64_t target_time_ns(const struct target *target);

// The frequency of the ledger's ticks; 0: not known.
double target_ticks_per_ns(const struct target *target);
// The ledger's ticks at the moment of the copy or, if the program is gone, of its last event, about.
uint64_t target_now_ticks(const struct target *target);

// The process that keeps this ledger, as seen from here; 0: it is gone, or not to be seen.
pid_t target_pid(const struct target *target);
// The path of the ledger; NULL if it is in memory only.
const char *target_path(const struct target *target);
// The base name of the program.
const char *target_program(const struct target *target);

// Call visit for live blocks (unordered, as they are at this moment, at most max_blocks) until it returns
// false.  False if they cannot be read.  site is 1 or more, but may be one newer than the copy.
struct target_block {
	uint64_t address, size_bytes;
	uint64_t weight;      // fixed point
	uint64_t birth_ticks; // since the start
	uint32_t site;
	bool is_inherited;    // allocated by the parent, before it forked
};
bool target_read_blocks(struct target *target, uint64_t max_blocks,
			bool (*visit)(void *context, const struct target_block *block), void *context, struct error *error);

#endif
