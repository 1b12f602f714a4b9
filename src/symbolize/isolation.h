// SPDX-License-Identifier: Apache-2.0
/*
 * Isolation: reads somebody else's files with a library that they may bring down or keep busy for ever, in a child
 * process of its own, with limits.  What goes wrong there costs its answer only.
 *
 * OUTSIDE; a process with one thread.  The answer is to be read with care: whatever a library was made to do, it may
 * have been made to write that.
 */
#ifndef CAIRN_SYMBOLIZE_ISOLATION_H
#define CAIRN_SYMBOLIZE_ISOLATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

struct isolation_limits {
	uint64_t processor_s;
	uint64_t memory_bytes; // beyond what this process has now
	size_t answer_bytes;
};

struct isolation_answer {
	unsigned char *bytes; // to be freed
	size_t num_bytes;
};

// Do the work in a child, with what this process has at hand, and take what it writes.  False: it did not come to its
// end, says error, which begins with "the lookup"; there is no answer then.
bool isolation_run(void (*work)(void *context, FILE *answer), void *context, const struct isolation_limits *limits,
		   struct isolation_answer *answer, struct error *error);

#endif
