// SPDX-License-Identifier: Apache-2.0
/*
 * Writer: a profile as a gzipped profile.proto.
 *
 * A protobuf message may be written in pieces: the concatenation of encodings is the encoding of all
 * of them together.  So each part of the profile is packed as a Profile with that part alone, and
 * memory does not grow with the profile.
 *
 * BOTH worlds; one thread; no malloc.
 */
#ifndef CAIRN_PPROF_WRITER_H
#define CAIRN_PPROF_WRITER_H

#include "base/arena.h"
#include "pprof/output.h"
#include "profile/profile.h"

#define WRITER_PACKED_BYTES (512 * 1024) // the largest part
#define WRITER_NUM_STRINGS 512
#define WRITER_STRING_BYTES 120
// Little of this is touched where stacks are short and labels few.
#define WRITER_ARENA_BYTES (OUTPUT_ARENA_BYTES + WRITER_PACKED_BYTES + 512 * 1024)

struct writer_scratch;
struct writer_string;

struct writer {
	struct output output;
	unsigned char *packed; // WRITER_PACKED_BYTES
	struct writer_scratch *scratch;
	struct writer_string *strings; // WRITER_NUM_STRINGS
	int64_t num_strings;           // written so far
	size_t num_types;
	struct profile_sink sink; // push the profile into this
};

// Begin a profile on a descriptor open for writing; the arena has WRITER_ARENA_BYTES or more left.
void writer_begin(struct writer *writer, struct arena *arena, int fd);

// After everything was pushed: 0, or the errno value of what failed.
int writer_end(struct writer *writer);

#endif
