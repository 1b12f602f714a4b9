// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzzer: a profile that somebody has damaged, or made to do harm, is refused or read.
 *
 * The input is the file, gzipped or not.  It is read into a merge, with both signs, and that is written again;
 * what was written must be readable.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pprof/reader.h"
#include "pprof/writer.h"
#include "profile/merge.h"

static bool is_read(const uint8_t *bytes, size_t num_bytes, const struct profile_sink *sink)
{
	struct error error;
	bool is_sound = reader_read_bytes("input", bytes, num_bytes, sink, &error);
	if (!is_sound && !*error.message)
		abort(); // no sink here ends the stream
	return is_sound;
}

static int file = -1;

// Write what the merge holds into file; the errno value of what failed.
static int write_merge(struct merge *merge)
{
	struct arena arena;
	struct writer writer;
	if (file < 0)
		file = memfd_create("written", MFD_CLOEXEC);
	if (ftruncate(file, 0) != 0 || lseek(file, 0, SEEK_SET) != 0)
		abort();
	arena_init(&arena, WRITER_ARENA_BYTES);
	writer_begin(&writer, &arena, file);
	merge_push(merge, &writer.sink);
	int failed = writer_end(&writer);
	arena_deinit(&arena);
	return failed;
}

static void check_written(void)
{
	struct merge *merge = merge_create();
	struct error error;
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	if (!reader_read_file(path, merge_begin(merge, MERGE_SUBTRACT), &error)) {
		fprintf(stderr, "%s\n", error.message);
		abort();
	}
	merge_destroy(merge);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t num_bytes)
{
	struct merge *merge = merge_create();
	if (is_read(bytes, num_bytes, merge_begin(merge, MERGE_ADD))) {
		int num_more = num_bytes ? bytes[num_bytes - 1] % 3 : 0;
		for (int i = 0; i < num_more; i++)
			is_read(bytes, num_bytes, merge_begin(merge, i ? MERGE_ADD : MERGE_SUBTRACT));
		if (write_merge(merge) != 0)
			abort();
		check_written();
	}
	merge_destroy(merge);
	return 0;
}
