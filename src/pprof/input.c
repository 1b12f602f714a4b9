// SPDX-License-Identifier: Apache-2.0
// Input: the bytes of a file that may be gzipped.  OUTSIDE.
#include "pprof/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/memory.h"

#define CHUNK_BYTES 65536
#define GZIP_WINDOW (15 + 16) // zlib: the largest window, with a gzip header
#define GZIP_FIRST_BYTE 0x1f  // no message begins with it

// How far an input has come.
struct progress {
	struct input *input;
	size_t max_bytes;
	size_t capacity_bytes;
	size_t num_members; // of a gzip file, begun; 0: nothing seen yet
	bool is_gzip;
	bool is_whole; // nothing of the last member is missing
	z_stream stream;
};

static bool is_within_limit(const struct progress *progress, struct error *error)
{
	return progress->input->num_bytes <= progress->max_bytes ||
	       error_set(error, "more than %zu MiB when decompressed", progress->max_bytes >> 20);
}

// At least one byte free behind what is there; up to one more than is accepted, to see that there is more.
static bool make_room(struct progress *progress, struct error *error)
{
	struct input *input = progress->input;
	if (!is_within_limit(progress, error))
		return false;
	if (input->num_bytes < progress->capacity_bytes)
		return true;
	progress->capacity_bytes = progress->capacity_bytes ? 2 * progress->capacity_bytes : CHUNK_BYTES;
	if (progress->capacity_bytes > progress->max_bytes)
		progress->capacity_bytes = progress->max_bytes + 1;
	input->bytes = memory_resize(input->bytes, progress->capacity_bytes, 1);
	return true;
}

static bool copy(struct progress *progress, const unsigned char *bytes, size_t num_bytes, struct error *error)
{
	while (num_bytes) {
		if (!make_room(progress, error))
			return false;
		size_t room_bytes = progress->capacity_bytes - progress->input->num_bytes;
		size_t part_bytes = num_bytes < room_bytes ? num_bytes : room_bytes;
		memcpy(progress->input->bytes + progress->input->num_bytes, bytes, part_bytes);
		progress->input->num_bytes += part_bytes;
		bytes += part_bytes;
		num_bytes -= part_bytes;
	}
	return true;
}

// What inflate() gives for the input that stream has.
static bool inflate_some(struct progress *progress, struct error *error)
{
	z_stream *stream = &progress->stream;
	if (!make_room(progress, error))
		return false;
	size_t room_bytes = progress->capacity_bytes - progress->input->num_bytes;
	stream->next_out = progress->input->bytes + progress->input->num_bytes;
	stream->avail_out = (uInt)room_bytes;
	int result = inflate(stream, Z_NO_FLUSH);
	progress->input->num_bytes += room_bytes - stream->avail_out;
	progress->is_whole = result == Z_STREAM_END;
	if (result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR)
		return true;
	if (progress->num_members > 1 && stream->total_out == 0)
		return error_set(error, "gzip: garbage after its end");
	return error_set(error, "gzip: %s", stream->msg ? stream->msg : "damaged");
}

// A gzip file may have several members, one after another.
static bool decompress(struct progress *progress, const unsigned char *bytes, size_t num_bytes, struct error *error)
{
	z_stream *stream = &progress->stream;
	stream->next_in = (Bytef *)bytes;
	stream->avail_in = (uInt)num_bytes;
	while (stream->avail_in) {
		if (progress->is_whole) {
			inflateReset(stream);
			progress->num_members++;
		}
		if (!inflate_some(progress, error))
			return false;
	}
	return true;
}

static bool begin(struct progress *progress, unsigned char first_byte, struct error *error)
{
	progress->num_members = 1;
	progress->is_gzip = first_byte == GZIP_FIRST_BYTE;
	if (progress->is_gzip && inflateInit2(&progress->stream, GZIP_WINDOW) != Z_OK)
		return error_set(error, "zlib: cannot begin");
	return true;
}

// The next bytes of the file; at most CHUNK_BYTES.
static bool take(struct progress *progress, const unsigned char *bytes, size_t num_bytes, struct error *error)
{
	if (!progress->num_members && !begin(progress, bytes[0], error))
		return false;
	return progress->is_gzip ? decompress(progress, bytes, num_bytes, error) : copy(progress, bytes, num_bytes, error);
}

static bool end(const struct progress *progress, struct error *error)
{
	if (!progress->num_members)
		return error_set(error, "empty, not a profile");
	if (progress->is_gzip && !progress->is_whole)
		return error_set(error, "gzip: truncated");
	return is_within_limit(progress, error);
}

static bool take_to_end(struct progress *progress, int fd, struct error *error)
{
	unsigned char chunk[CHUNK_BYTES];
	for (;;) {
		ssize_t num_bytes = read(fd, chunk, sizeof(chunk));
		if (num_bytes < 0 && errno == EINTR)
			continue;
		if (num_bytes < 0)
			return error_set(error, "%s", strerror(errno));
		if (num_bytes == 0)
			return end(progress, error);
		if (!take(progress, chunk, (size_t)num_bytes, error))
			return false;
	}
}

static bool take_file(struct progress *progress, int fd, struct error *error)
{
	struct stat status;
	if (fstat(fd, &status) != 0)
		return error_set(error, "%s", strerror(errno));
	return S_ISREG(status.st_mode) ? take_to_end(progress, fd, error) : error_set(error, "not a regular file");
}

static bool take_bytes(struct progress *progress, const unsigned char *bytes, size_t num_bytes, struct error *error)
{
	while (num_bytes) {
		size_t part_bytes = num_bytes < CHUNK_BYTES ? num_bytes : CHUNK_BYTES;
		if (!take(progress, bytes, part_bytes, error))
			return false;
		bytes += part_bytes;
		num_bytes -= part_bytes;
	}
	return end(progress, error);
}

void input_deinit(struct input *input)
{
	free(input->bytes);
}

static bool finish(struct progress *progress, bool is_read)
{
	if (progress->is_gzip)
		inflateEnd(&progress->stream);
	if (!is_read)
		input_deinit(progress->input);
	return is_read;
}

bool input_init_file(struct input *input, const char *path, size_t max_bytes, struct error *error)
{
	struct progress progress = { .input = input, .max_bytes = max_bytes };
	*input = (struct input){ 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); // a pipe without a writer must not hold us up
	if (fd < 0)
		return error_set(error, "%s", strerror(errno));
	bool is_read = take_file(&progress, fd, error);
	close(fd);
	return finish(&progress, is_read);
}

bool input_init_stream(struct input *input, int fd, size_t max_bytes, struct error *error)
{
	struct progress progress = { .input = input, .max_bytes = max_bytes };
	*input = (struct input){ 0 };
	return finish(&progress, take_to_end(&progress, fd, error));
}

bool input_init_bytes(struct input *input, const void *bytes, size_t num_bytes, size_t max_bytes, struct error *error)
{
	struct progress progress = { .input = input, .max_bytes = max_bytes };
	*input = (struct input){ 0 };
	return finish(&progress, take_bytes(&progress, bytes, num_bytes, error));
}
