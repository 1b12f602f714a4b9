// SPDX-License-Identifier: Apache-2.0
// Document: the message of a file of profile.proto.  OUTSIDE.
#include "pprof/document.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "pprof/fields.h"

#define MAX_PART_BYTES (1 << 20) // bounds what unpacking one takes
#define MAX_STRING_BYTES 60000   // the writer takes a little more

// Walk all fields once: count them, and find out whether they are sound.
static bool count_fields(struct document *document, struct error *error)
{
	struct fields fields = fields_of(document->input.bytes, document->input.num_bytes);
	struct field field;
	while (fields_next(&fields, &field))
		if (field.number < DOCUMENT_NUM_FIELDS)
			document->num_fields[field.number]++;
	if (fields.is_malformed)
		return error_set(error, "not a profile: no field begins at byte %zu of its message",
				 (size_t)(field.start - document->input.bytes));
	return true;
}

static bool index_strings(struct document *document, struct error *error)
{
	struct fields fields = fields_of(document->input.bytes, document->input.num_bytes);
	struct field field;
	uint32_t num_strings = 0;
	document->strings = memory_get(document->num_fields[DOCUMENT_STRING], sizeof(*document->strings));
	while (fields_next(&fields, &field)) {
		if (field.number != DOCUMENT_STRING)
			continue;
		if (!field.has_length)
			return error_set(error, "string %" PRIu32 ": not a string", num_strings);
		if (num_strings == 0 && field.value != field.limit)
			return error_set(error, "string 0: not empty");
		document->strings[num_strings++] = (uint32_t)(field.start - document->input.bytes);
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
	free(document->strings);
	input_deinit(&document->input);
}

char *document_copy_string(const struct document *document, int64_t index, struct error *error)
{
	struct field field;
	if (index < 0 || index >= document->num_fields[DOCUMENT_STRING]) {
		error_set(error, "string %" PRId64 " does not exist", index);
		return NULL;
	}
	uint32_t offset = document->strings[index];
	struct fields fields = fields_of(document->input.bytes + offset, document->input.num_bytes - offset);
	fields_next(&fields, &field); // as index_strings() saw it
	size_t num_bytes = (size_t)(field.limit - field.value);
	if (num_bytes > MAX_STRING_BYTES || memchr(field.value, 0, num_bytes)) {
		error_set(error, "string %" PRId64 ": longer than %d bytes, or with a zero in it", index, MAX_STRING_BYTES);
		return NULL;
	}
	char *string = memory_get(num_bytes + 1, 1);
	return memcpy(string, field.value, num_bytes);
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
	struct fields fields = fields_of(document->input.bytes, document->input.num_bytes);
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
