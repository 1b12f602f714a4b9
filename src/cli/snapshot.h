// SPDX-License-Identifier: Apache-2.0
/*
 * Snapshot: the profile of a target as it was last copied, to be written or merged.
 *
 * OUTSIDE.
 */
#ifndef CAIRN_CLI_SNAPSHOT_H
#define CAIRN_CLI_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "cli/naming.h"
#include "pprof/file.h"
#include "target/target.h"

struct snapshot {
	const struct target *target;
	bool is_peak;              // the heap when it was largest, not now
	bool is_without_inherited; // for a merge with the parent's
	struct naming *naming;     // how its code gets names; NULL: it keeps its addresses
};

// Push it into sink (as file_contents.push does; the context is a struct snapshot).
bool snapshot_push(void *context, const struct profile_sink *sink);

// For a file of it; the snapshot must live as long.
struct file_contents snapshot_contents(struct snapshot *snapshot);

// What names its file; the number is that of the last profile that the process wrote itself.
struct pattern_values snapshot_values(const struct target *target);
struct pattern_values snapshot_values_of(const struct ledger_header *header, const char *program);

// Write it, as it is now, to "cairn.PROGRAM.PID.NUMBER.pb.gz", the first such file that is not there yet.  Its name is
// left in path, which has room for PATH_MAX bytes.
bool snapshot_write(const struct target *target, char *path, size_t size_bytes, struct error *error);

// "1.21 GiB ±0.04 live in 40.1k blocks".
void snapshot_add_live(struct text *text, const struct tally *total, bool is_estimate);
// What makes these numbers too small, if anything does: "; INCOMPLETE: ...".
void snapshot_add_lost(struct text *text, const struct ledger_header *header);

#endif
