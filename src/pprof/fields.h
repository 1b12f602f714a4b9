// SPDX-License-Identifier: Apache-2.0
/*
 * Fields: a protobuf message as the sequence of its fields, without unpacking them.
 *
 * OUTSIDE; one thread.  The bytes are not trusted and not copied.
 */
#ifndef CAIRN_PPROF_FIELDS_H
#define CAIRN_PPROF_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct field {
	uint32_t number;
	bool has_length;            // a message, string or packed array
	const unsigned char *start; // of its key
	const unsigned char *value; // if it has a length: behind that
	const unsigned char *limit;
};

struct fields {
	const unsigned char *at, *limit;
	bool is_malformed;
};

static inline struct fields fields_of(const unsigned char *bytes, size_t num_bytes)
{
	return (struct fields){ .at = bytes, .limit = bytes + num_bytes };
}

// False at the end, and at what is no field.
bool fields_next(struct fields *fields, struct field *field);

#endif
