// SPDX-License-Identifier: Apache-2.0
/*
 * Memory: that of another process, all of whose threads are stopped, read from outside.
 *
 * OUTSIDE; one thread at a time.  Nothing that is read is believed here.
 */
#ifndef CAIRN_TARGET_MEMORY_H
#define CAIRN_TARGET_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

#define MEMORY_PAGE_BYTES 4096

struct memory_range { // a mapping
	uint64_t start, limit;
	bool is_readable, is_writable, is_shared;
	char *path; // "": anonymous
};

struct memory {
	pid_t tid;
	int pages; // descriptor of its page map; -1: it may not be read
	int bytes; // of its memory, to read what it has forbidden itself to read; -1: it may not be read
	struct memory_range *ranges; // by address
	size_t num_ranges;
};

// tid is any of the threads.  False: the process is gone, or may not be looked into.
bool memory_init(struct memory *memory, pid_t tid, struct error *error);
void memory_deinit(struct memory *memory);

// The mapping that an address lies in; NULL: none.
const struct memory_range *memory_find(const struct memory *memory, uint64_t address);

// The end of this and the following mappings that are like it and adjoin: the kernel may divide what was mapped as one.
uint64_t memory_limit(const struct memory *memory, const struct memory_range *range);

// Read what is there from address on, at most size_bytes: how many bytes it is.
size_t memory_read(const struct memory *memory, uint64_t address, void *to, size_t size_bytes);
// The same of one word; false if it is not there.
bool memory_read_word(const struct memory *memory, uint64_t address, uint64_t *word);

// Find the first pages from *start on, below limit, that the process has written itself: not those that were never
// touched, nor those that are as they are in a file; of shared memory those that it has touched, since to read others would
// make them, at its expense.  False: there are none.  *run_limit is at most max_bytes behind
// *start.  Where the kernel does not tell pages apart, every page counts.
bool memory_find_written(const struct memory *memory, uint64_t *start, uint64_t limit, uint64_t max_bytes, uint64_t *run_limit);

#endif
