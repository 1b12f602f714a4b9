// SPDX-License-Identifier: Apache-2.0
/*
 * Source: where the bytes of a ledger come from, the memory of a process or a file.
 *
 * A process has its ledger mapped, whatever it did to its descriptors, root directory or namespaces; /proc/PID/maps
 * tells where.  A file is read through a descriptor, so that it can still be read when the process is gone.
 *
 * OUTSIDE.
 */
#ifndef CAIRN_TARGET_SOURCE_H
#define CAIRN_TARGET_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct source {
	int fd;               // of the file; -1: memory
	pid_t pid;            // the process that keeps the ledger; 0: none is known
	uint64_t pid_start;   // process_start() of pid
	uint64_t start;       // address in the process; 0: not mapped, or not to be seen
	uint64_t size_bytes;  // as it was when it was opened
	uint64_t inode;       // of the file or memory
	char *path;           // NULL: memory
};

// The file at path, which must be a regular one.
bool source_open_file(struct source *source, const char *path, struct error *error);

// The ledger that a process keeps.
bool source_open_process(struct source *source, pid_t pid, struct error *error);

void source_close(struct source *source);

// Read exactly size_bytes.  What is a hole of the file is left as it was in the memory at to, which must be zeroed.
// On failure the error says why, without a name.
bool source_read(const struct source *source, uint64_t offset, void *to, size_t size_bytes, struct error *error);

// Several parts as soon after one another as can be.  Holes are zeros.
struct source_part {
	uint64_t offset;
	void *to;
	size_t size_bytes;
};
bool source_read_parts(const struct source *source, const struct source_part *parts, size_t num_parts, struct error *error);

// True if that process is still there and still has this ledger, which began at start_ticks.  Where the process may not
// be looked into it has if it is the process that began then.
bool source_has_process(const struct source *source, uint64_t start_ticks);

// Find the ledger among the mappings of a process: start, size_bytes, inode and path ("" if in memory only).  False
// if there is none, with errno 0, or if the mappings cannot be read.  Its path lives until free().
struct source_mapping {
	uint64_t start, size_bytes, inode;
	char *path;
};
bool source_find_mapping(pid_t pid, struct source_mapping *found);

#endif
