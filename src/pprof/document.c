// SPDX-License-Identifier: Apache-2.0
// Document: the message of a file of profile.proto.  OUTSIDE.
#include "pprof/document.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "profile/profile.h"

#define MAX_PART_BYTES (1 << 20)     // bounds what unpacking one takes
#define MAX_STRING_BYTES PROFILE_MAX_STRING_BYTES

// Walk all fields once: count them, note where those of each kind are, and find out whether they are sound.
static bool count_fields(struct document *document, struct error *error)
{
	struct fields fields = fields_of(document->input.bytes, document->input.num_bytes);
	struct field field;
	while (fields_next(&fields, &field)) {
		if (field.number >= DOCUMENT_NUM_FIELDS)
			continue;
		if (!document->num_fields[field.number]++)
			document->spans[field.number].at = field.start;
		document->spans[field.number].limit = field.limit;
	}
	if (fields.is_malformed)
		return error_set(error, "not a profile in pprof's format: no field begins at byte %zu of its message",
				 (size_t)(field.start - document->input.bytes));
	return true;
}

// What is wrong with a string; NULL: nothing.
static const char *find_fault(const struct field *field, uint32_t number)
{
	size_t num_bytes = (size_t)(field->limit - field->value);
	if (!field->has_length)
		return "not a string";
	if (number == 0 && num_bytes > 0)
		return "not empty";
	if (num_bytes > MAX_STRING_BYTES)
		return "longer than 64 KiB";
	return memchr(field->value, 0, num_bytes) ? "has a zero byte in it" : NULL;
}

// How many bytes all strings take, each with a zero behind it.
static bool measure_strings(const struct document *document, size_t *num_bytes, struct error *error)
{
	struct fields fields = document->spans[DOCUMENT_STRING];
	struct field field;
	uint32_t number = 0;
	*num_bytes = 0;
	while (fields_next(&fields, &field)) {
		if (field.number != DOCUMENT_STRING)
			continue;
		const char *fault = find_fault(&field, number);
		if (fault)
			return error_set(error, "string %" PRIu32 ": %s", number, fault);
		*num_bytes += (size_t)(field.limit - field.value) + 1;
		number++;
	}
	return true;
}

static bool index_strings(struct document *document, struct error *error)
{
	struct fields fields = document->spans[DOCUMENT_STRING];
	struct field field;
	size_t num_bytes, at = 0;
	uint32_t number = 0;
	if (!measure_strings(document, &num_bytes, error))
		return false;
	document->string_bytes = memory_get(num_bytes, 1);
	document->strings = memory_get(document->num_fields[DOCUMENT_STRING], sizeof(*document->strings));
	while (fields_next(&fields, &field)) {
		if (field.number != DOCUMENT_STRING)
			continue;
		document->strings[number++] = (uint32_t)at;
		memcpy(document->string_bytes + at, field.value, (size_t)(field.limit - field.value));
		at += (size_t)(field.limit - field.value) + 1;
	}
	return true;
}

bool document_init(struct document *document, const struct input *input, struct error *error)
{
	*document = (struct document){ .input = *input };
	return count_fields(document, error) && index_strings(document, error);
}

void document_deinit(struct document *document)
{
	free(document->string_bytes);
	free(document->strings);
	input_deinit(&document->input);
}

const char *document_get_string(const struct document *document, int64_t index, struct error *error)
{
	if (index == 0)
		return "";
	if (index > 0 && index < document->num_fields[DOCUMENT_STRING])
		return document->string_bytes + document->strings[index];
	error_set(error, "string %" PRId64 " does not exist", index);
	return NULL;
}

static bool prefix(struct error *error, const char *kind, uint32_t nth)
{
	char where[64];
	snprintf(where, sizeof(where), "%s %" PRIu32, kind, nth);
	return *error->message && error_prefix(error, where);
}

bool document_visit(const struct document *document, enum document_field number, const char *kind,
		    bool (*visit)(void *context, const Perftools__Profiles__Profile *part), void *context,
		    struct error *error)
{
	struct fields fields = document->spans[number];
	struct field field;
	uint32_t nth = 0;
	while (fields_next(&fields, &field)) {
		if (field.number != number)
			continue;
		size_t num_bytes = (size_t)(field.limit - field.start);
		nth++;
		if (num_bytes > MAX_PART_BYTES)
			return error_set(error, "%s %" PRIu32 ": larger than 1 MiB", kind, nth);
		Perftools__Profiles__Profile *part = perftools__profiles__profile__unpack(NULL, num_bytes, field.start);
		if (!part)
			return error_set(error, "%s %" PRIu32 ": malformed", kind, nth);
		bool is_taken = visit(context, part);
		perftools__profiles__profile__free_unpacked(part, NULL);
		if (!is_taken)
			return prefix(error, kind, nth);
	}
	return true;
}
