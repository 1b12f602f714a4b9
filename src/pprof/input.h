// SPDX-License-Identifier: Apache-2.0
/*
 * Input: the bytes of a file that may be gzipped, as output.c writes it.
 *
 * OUTSIDE; one thread.  The file is not trusted: memory grows with the bytes that really come out of it.
 */
#ifndef CAIRN_PPROF_INPUT_H
#define CAIRN_PPROF_INPUT_H

#include <stddef.h>

#include "base/error.h"

struct input {
	unsigned char *bytes; // decompressed
	size_t num_bytes;
};

// Read a regular file whole.  Without gzip's first byte it is taken as it is.  False if it is not sound or has
// more than max_bytes when decompressed; then there is nothing to deinit.
bool input_init_file(struct input *input, const char *path, size_t max_bytes, struct error *error);

// The same of what can be read from a descriptor up to its end.
bool input_init_stream(struct input *input, int fd, size_t max_bytes, struct error *error);

// The same of the bytes of a file.
bool input_init_bytes(struct input *input, const void *bytes, size_t num_bytes, size_t max_bytes, struct error *error);

void input_deinit(struct input *input);

#endif
