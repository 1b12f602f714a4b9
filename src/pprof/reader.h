// SPDX-License-Identifier: Apache-2.0
/*
 * Reader: the profile in a file of profile.proto, gzipped or not, as writer.c writes it and google/pprof, Go and
 * others do: of a heap, of processor time, or of whatever else.
 *
 * OUTSIDE; one thread.  The file is not trusted: whatever cannot be right is refused, with an error that names
 * it, and memory stays within a small multiple of what is in the file, READER_MAX_BYTES at most when decompressed.
 */
#ifndef CAIRN_PPROF_READER_H
#define CAIRN_PPROF_READER_H

#include <stddef.h>

#include "base/error.h"
#include "profile/profile.h"

#define READER_MAX_BYTES ((size_t)1 << 30)

// Push the profile in a regular file into sink.  Ids are numbers from 1 in the order of the file.
// False, with what was pushed so far not to be used: the file is no sound profile, or (the error is empty then) the
// sink ended the stream.
bool reader_read_file(const char *path, const struct profile_sink *sink, struct error *error);

// The same of what can be read from a descriptor of any kind up to its end; name is for errors.
bool reader_read_stream(const char *name, int fd, const struct profile_sink *sink, struct error *error);

// The same of the bytes of a file.
bool reader_read_bytes(const char *name, const void *bytes, size_t num_bytes, const struct profile_sink *sink,
		       struct error *error);

#endif
