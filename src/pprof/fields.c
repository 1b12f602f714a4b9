// SPDX-License-Identifier: Apache-2.0
// Fields of a protobuf message.  OUTSIDE.  The encoding: https://protobuf.dev/programming-guides/encoding/
#include "pprof/fields.h"

enum wire_type {
	WIRE_VARINT = 0,
	WIRE_64_BITS = 1,
	WIRE_LENGTH = 2,
	WIRE_32_BITS = 5, // 3 and 4, groups, are not part of proto3
};

static bool read_varint(struct fields *fields, uint64_t *value)
{
	*value = 0;
	for (unsigned shift = 0; shift < 64 && fields->at < fields->limit; shift += 7) {
		unsigned char byte = *fields->at++;
		*value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return true;
	}
	return false;
}

static bool skip(struct fields *fields, uint64_t num_bytes)
{
	if (num_bytes > (uint64_t)(fields->limit - fields->at))
		return false;
	fields->at += num_bytes;
	return true;
}

static bool read_value(struct fields *fields, enum wire_type type, struct field *field)
{
	uint64_t number;
	field->has_length = type == WIRE_LENGTH;
	field->value = fields->at;
	switch (type) {
	case WIRE_VARINT:
		return read_varint(fields, &number);
	case WIRE_64_BITS:
		return skip(fields, 8);
	case WIRE_32_BITS:
		return skip(fields, 4);
	case WIRE_LENGTH:
		if (!read_varint(fields, &number))
			return false;
		field->value = fields->at;
		return skip(fields, number);
	}
	return false;
}

bool fields_next(struct fields *fields, struct field *field)
{
	uint64_t key;
	if (fields->at >= fields->limit)
		return false;
	field->start = fields->at;
	if (!read_varint(fields, &key) || key >> 3 == 0 || key >> 3 >= UINT64_C(1) << 29 ||
	    !read_value(fields, key & 7, field)) {
		fields->is_malformed = true;
		fields->at = fields->limit;
		return false;
	}
	field->number = (uint32_t)(key >> 3);
	field->limit = fields->at;
	return true;
}
