// SPDX-License-Identifier: Apache-2.0
// Output: a gzip stream to a descriptor.  BOTH worlds.
#include "pprof/output.h"

#include <errno.h>

#include "base/system.h"

#define GZIP_WINDOW (15 + 16) // zlib: the largest window, with a gzip header

static voidpf allocate(voidpf arena, uInt count, uInt size)
{
	return arena_get(arena, (size_t)count * size);
}

static void release(voidpf arena, voidpf memory)
{
	(void)arena;
	(void)memory; // goes with the arena
}

static void fail(struct output *output, int error)
{
	if (!output->error)
		output->error = error;
}

static void flush(struct output *output)
{
	const unsigned char *at = output->buffer;
	while (!output->error && at < output->stream.next_out) {
		long written = system_call3(SYS_write, output->fd, (long)at, output->stream.next_out - at);
		if (written == -EINTR)
			continue;
		if (written <= 0)
			fail(output, written ? (int)-written : ENOSPC);
		else
			at += written;
	}
	output->stream.next_out = output->buffer;
	output->stream.avail_out = OUTPUT_BUFFER_BYTES;
}

void output_begin(struct output *output, struct arena *arena, int fd)
{
	*output = (struct output){ .fd = fd, .buffer = arena_get(arena, OUTPUT_BUFFER_BYTES) };
	output->stream.zalloc = allocate;
	output->stream.zfree = release;
	output->stream.opaque = arena;
	if (!output->buffer ||
	    deflateInit2(&output->stream, Z_BEST_SPEED, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		fail(output, ENOMEM);
	output->stream.next_out = output->buffer;
	output->stream.avail_out = OUTPUT_BUFFER_BYTES;
}

void output_write(struct output *output, const void *bytes, size_t num_bytes)
{
	output->stream.next_in = (Bytef *)bytes;
	output->stream.avail_in = (uInt)num_bytes;
	while (!output->error && output->stream.avail_in) {
		if (deflate(&output->stream, Z_NO_FLUSH) == Z_STREAM_ERROR)
			fail(output, EINVAL);
		if (output->stream.avail_out == 0)
			flush(output);
	}
}

int output_end(struct output *output)
{
	int result = Z_OK;
	while (!output->error && result != Z_STREAM_END) {
		result = deflate(&output->stream, Z_FINISH);
		if (result == Z_STREAM_ERROR)
			fail(output, EINVAL);
		flush(output);
	}
	return output->error;
}
