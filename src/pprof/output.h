// SPDX-License-Identifier: Apache-2.0
/*
 * Output: a gzip stream to a descriptor, with raw system calls and memory of the caller's arena.
 *
 * BOTH worlds; one thread.  The first failure is remembered and everything after it is ignored, so only
 * output_end() need be checked.
 */
#ifndef CAIRN_PPROF_OUTPUT_H
#define CAIRN_PPROF_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <zlib.h>

#include "base/arena.h"

#define OUTPUT_BUFFER_BYTES 65536
#define OUTPUT_ARENA_BYTES (512 * 1024) // what it takes from the arena at most

struct output {
	int fd;
	int error; // errno value of the first failure; 0: none
	z_stream stream;
	unsigned char *buffer;
};

void output_begin(struct output *output, struct arena *arena, int fd);
void output_write(struct output *output, const void *bytes, size_t num_bytes);
// Write what remains: 0, or the errno value of what failed.
int output_end(struct output *output);

#endif
