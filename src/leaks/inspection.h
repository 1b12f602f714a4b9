// SPDX-License-Identifier: Apache-2.0
/*
 * Inspection: which of the live blocks that a ledger knows can its process still reach?
 *
 * The memory of the process, all of whose threads are stopped, is read from outside, once, and each word in it that is an
 * address in a block counts as a pointer to it, at whatever byte of it it points (conservative marking).  It begins
 * with what the program can reach by itself: writable mappings, stacks from the stack pointer on, registers, thread-local storage.
 * Blocks that glibc's malloc keeps beside those that the ledger knows (those that were not sampled, or are older than
 * cairn) are found by their headers and count as blocks too.  Freed memory, glibc's lists of it, dead parts of stacks and
 * what cairn keeps are not looked at.
 *
 * OUTSIDE; one thread.  The process may be hostile: what it says is checked, and time and memory are bounded.
 */
#ifndef CAIRN_LEAKS_INSPECTION_H
#define CAIRN_LEAKS_INSPECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "leaks/kind.h"
#include "profile/profile.h"
#include "target/target.h"
#include "target/threads.h"

struct inspection_request {
	struct target *target; // whose ledger it is; refreshed after the threads were stopped
	pid_t tid;             // to read the memory by
	const struct thread_state *threads;
	size_t num_threads;
	bool is_without_inherited; // a forked child: blocks of its parent's have a label of their own (inherited.h), and are not in sums
	int64_t deadline_ns;   // CLOCK_MONOTONIC: give up, so that the threads do not wait longer; 0: none
	uint64_t memory_bytes; // that this may take at most, about; 0: no limit
	void (*read_done)(void *context); // called when the process is not needed any more and may go on; NULL: nothing
	void *context;
};

struct leak_sum {
	uint64_t blocks, bytes;          // estimates are rounded
	double blocks_variance, bytes_variance;
};

struct inspection {
	struct leak_sum sums[LEAK_NUM_KINDS];
	uint64_t scanned_bytes;  // memory that was read
	int64_t read_ns;         // time for which the process was needed
	uint64_t num_other_blocks; // that the ledger does not know
	bool has_foreign_allocator; // blocks lie where glibc's malloc has none: freed memory there counts as the program's
	struct inspection_tables *tables; // of its own
};

// False: it could not be told, and the error says why, without the pid.  read_done() has been called in any case.
bool inspection_init(struct inspection *inspection, const struct inspection_request *request, struct error *error);
void inspection_deinit(struct inspection *inspection);

// Push what was found as a profile: types inuse_objects and inuse_space, each stack once for each kind and, of what is indirectly
// lost, each head (kind.h).  process tells the heads of several processes apart.  The target is that of the request.
bool inspection_push(const struct inspection *inspection, const struct target *target, uint32_t process,
		     const struct profile_sink *sink);

#endif
