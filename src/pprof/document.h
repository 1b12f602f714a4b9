// SPDX-License-Identifier: Apache-2.0
/*
 * Document: the message of a file of profile.proto, to be read in pieces.
 *
 * The message was written in pieces (writer.c): each field is, with its key, a message of its own with that field
 * alone, and is unpacked as such.  So little more memory is needed than the message's own, whatever it holds.
 *
 * OUTSIDE; one thread.  The message is not trusted.
 */
#ifndef CAIRN_PPROF_DOCUMENT_H
#define CAIRN_PPROF_DOCUMENT_H

#include <stdint.h>

#include "base/error.h"
#include "pprof/fields.h"
#include "pprof/input.h"
#include "profile.pb-c.h"

// Numbers of the fields of Profile in profile.proto.
enum document_field {
	DOCUMENT_SAMPLE_TYPE = 1,
	DOCUMENT_SAMPLE = 2,
	DOCUMENT_MAPPING = 3,
	DOCUMENT_LOCATION = 4,
	DOCUMENT_FUNCTION = 5,
	DOCUMENT_STRING = 6,
	DOCUMENT_DROP_FRAMES = 7,
	DOCUMENT_KEEP_FRAMES = 8,
	DOCUMENT_TIME = 9,
	DOCUMENT_DURATION = 10,
	DOCUMENT_PERIOD_TYPE = 11,
	DOCUMENT_PERIOD = 12,
	DOCUMENT_COMMENT = 13,
	DOCUMENT_DEFAULT_TYPE = 14,
	DOCUMENT_NUM_FIELDS,
};

struct document {
	struct input input;
	uint32_t num_fields[DOCUMENT_NUM_FIELDS]; // of each kind
	struct fields spans[DOCUMENT_NUM_FIELDS]; // from the first of a kind to the last: mostly nothing else is there
	char *string_bytes;                       // all strings, each with a zero behind it
	uint32_t *strings;                        // where each begins there
};

// Find the fields of an input, which belongs to the document from now on.  document_deinit() in any case.
bool document_init(struct document *document, const struct input *input, struct error *error);
void document_deinit(struct document *document);

// A string, which lives as long as the document; NULL, with an error, if there is none.
const char *document_get_string(const struct document *document, int64_t index, struct error *error);

// Call visit with each field of a kind, as the only one in a profile, until it returns false.  Then its error, if it
// left one in error, is preceded by the kind and the number of the field.
bool document_visit(const struct document *document, enum document_field number, const char *kind,
		    bool (*visit)(void *context, const Perftools__Profiles__Profile *part), void *context,
		    struct error *error);

#endif
