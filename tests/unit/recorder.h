// SPDX-License-Identifier: Apache-2.0
// Recorder: a sink that keeps what is pushed into it as lines of text, to be compared.
#ifndef CAIRN_TESTS_RECORDER_H
#define CAIRN_TESTS_RECORDER_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "profile/profile.h"

struct recorder {
	struct profile_sink sink;
	FILE *stream;
	char *text;
	size_t length;
	size_t max_parts; // after which it ends the stream
};

static inline bool recorder_goes_on(struct recorder *recorder)
{
	return recorder->max_parts-- > 1;
}

static inline bool recorder_description(void *context, const struct profile_description *description)
{
	struct recorder *recorder = context;
	fprintf(recorder->stream, "period %" PRId64 " time %" PRId64 " duration %" PRId64 "\n", description->period_bytes,
		description->time_ns, description->duration_ns);
	return recorder_goes_on(recorder);
}

static inline bool recorder_comment(void *context, const char *comment)
{
	struct recorder *recorder = context;
	fprintf(recorder->stream, "# %s\n", comment);
	return recorder_goes_on(recorder);
}

static inline bool recorder_mapping(void *context, const struct profile_mapping *mapping)
{
	struct recorder *recorder = context;
	fprintf(recorder->stream, "mapping %" PRIu32 ": %" PRIx64 "-%" PRIx64 " %" PRIx64 " '%s' '%s'\n", mapping->id,
		mapping->start, mapping->limit, mapping->offset, mapping->path, mapping->build_id);
	return recorder_goes_on(recorder);
}

static inline bool recorder_location(void *context, const struct profile_location *location)
{
	struct recorder *recorder = context;
	fprintf(recorder->stream, "location %" PRIu32 ": %" PRIu32 " %" PRIx64 " %s\n", location->id, location->mapping_id,
		location->address, location->function ? location->function : "-");
	return recorder_goes_on(recorder);
}

static inline bool recorder_sample(void *context, const struct profile_sample *sample)
{
	struct recorder *recorder = context;
	fprintf(recorder->stream, "sample");
	for (size_t i = 0; i < sample->num_locations; i++)
		fprintf(recorder->stream, " %" PRIu32, sample->location_ids[i]);
	fprintf(recorder->stream, ":");
	for (int i = 0; i < PROFILE_NUM_VALUES; i++)
		fprintf(recorder->stream, " %" PRId64, sample->values[i]);
	fprintf(recorder->stream, "\n");
	return recorder_goes_on(recorder);
}

static inline void recorder_init(struct recorder *recorder)
{
	*recorder = (struct recorder){
		.sink = {
			.context = recorder,
			.description = recorder_description,
			.comment = recorder_comment,
			.mapping = recorder_mapping,
			.location = recorder_location,
			.sample = recorder_sample,
		},
		.max_parts = SIZE_MAX,
	};
	recorder->stream = open_memstream(&recorder->text, &recorder->length);
}

// What was pushed; valid until recorder_deinit().
static inline const char *recorder_text(struct recorder *recorder)
{
	fflush(recorder->stream);
	return recorder->text;
}

static inline void recorder_deinit(struct recorder *recorder)
{
	fclose(recorder->stream);
	free(recorder->text);
}

#endif
