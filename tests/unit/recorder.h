// SPDX-License-Identifier: Apache-2.0
// Recorder: a sink that keeps what is pushed into it as lines of text, to be compared.  What a part does not have, and
// the types if they are those of a heap profile, are not said.
#ifndef CAIRN_TESTS_RECORDER_H
#define CAIRN_TESTS_RECORDER_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profile/heap.h"
#include "profile/profile.h"

struct recorder {
	struct profile_sink sink;
	FILE *stream;
	char *text;
	size_t length;
	size_t num_types;
	size_t max_parts; // after which it ends the stream
};

static inline bool recorder_goes_on(struct recorder *recorder)
{
	return recorder->max_parts-- > 1;
}

static inline bool recorder_is_type(const struct profile_type *a, const struct profile_type *b)
{
	return strcmp(a->type, b->type) == 0 && strcmp(a->unit, b->unit) == 0;
}

static inline void recorder_types(struct recorder *recorder, const struct profile_description *description)
{
	bool is_heap = description->num_types == HEAP_NUM_VALUES;
	recorder->num_types = description->num_types;
	for (size_t i = 0; i < description->num_types && is_heap; i++)
		is_heap = recorder_is_type(&description->types[i], &heap_types[i]);
	if (!is_heap)
		fprintf(recorder->stream, "types");
	for (size_t i = 0; i < description->num_types && !is_heap; i++)
		fprintf(recorder->stream, "%s%s/%s", i ? ", " : " ", description->types[i].type, description->types[i].unit);
	if (!is_heap)
		fprintf(recorder->stream, "\n");
}

static inline void recorder_say(struct recorder *recorder, const char *what, const char *string)
{
	if (*string)
		fprintf(recorder->stream, " %s '%s'", what, string);
}

static inline bool recorder_description(void *context, const struct profile_description *description)
{
	struct recorder *recorder = context;
	recorder_types(recorder, description);
	fprintf(recorder->stream, "period %" PRId64, description->period);
	if (!recorder_is_type(&description->period_type, &heap_period_type))
		fprintf(recorder->stream, " %s/%s", description->period_type.type, description->period_type.unit);
	fprintf(recorder->stream, " time %" PRId64 " duration %" PRId64, description->time_ns, description->duration_ns);
	recorder_say(recorder, "default", description->default_type);
	recorder_say(recorder, "drop", description->drop_frames);
	recorder_say(recorder, "keep", description->keep_frames);
	fprintf(recorder->stream, "\n");
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
	fprintf(recorder->stream, "mapping %" PRIu32 ": %" PRIx64 "-%" PRIx64 " %" PRIx64 " '%s' '%s'%s%s%s%s\n", mapping->id,
		mapping->start, mapping->limit, mapping->offset, mapping->path, mapping->build_id,
		mapping->has_functions ? " functions" : "", mapping->has_filenames ? " filenames" : "",
		mapping->has_line_numbers ? " lines" : "", mapping->has_inline_frames ? " inlines" : "");
	return recorder_goes_on(recorder);
}

static inline bool recorder_function(void *context, const struct profile_function *function)
{
	struct recorder *recorder = context;
	fprintf(recorder->stream, "function %" PRIu32 ": '%s'", function->id, function->name);
	recorder_say(recorder, "system", function->system_name);
	recorder_say(recorder, "file", function->filename);
	if (function->start_line)
		fprintf(recorder->stream, " line %" PRId64, function->start_line);
	fprintf(recorder->stream, "\n");
	return recorder_goes_on(recorder);
}

// Lines as the function's id, :line:column; "-": none.
static inline bool recorder_location(void *context, const struct profile_location *location)
{
	struct recorder *recorder = context;
	fprintf(recorder->stream, "location %" PRIu32 ": %" PRIu32 " %" PRIx64, location->id, location->mapping_id,
		location->address);
	for (size_t i = 0; i < location->num_lines; i++) {
		const struct profile_line *line = &location->lines[i];
		fprintf(recorder->stream, " f%" PRIu32, line->function_id);
		if (line->line || line->column)
			fprintf(recorder->stream, ":%" PRId64, line->line);
		if (line->column)
			fprintf(recorder->stream, ":%" PRId64, line->column);
	}
	fprintf(recorder->stream, "%s%s\n", location->num_lines ? "" : " -", location->is_folded ? " folded" : "");
	return recorder_goes_on(recorder);
}

static inline void recorder_label(struct recorder *recorder, const struct profile_label *label)
{
	if (label->string)
		fprintf(recorder->stream, " %s='%s'", label->key, label->string);
	else
		fprintf(recorder->stream, " %s=%" PRId64 "%s", label->key, label->number, label->unit);
}

static inline bool recorder_sample(void *context, const struct profile_sample *sample)
{
	struct recorder *recorder = context;
	fprintf(recorder->stream, "sample");
	for (size_t i = 0; i < sample->num_locations; i++)
		fprintf(recorder->stream, " %" PRIu32, sample->location_ids[i]);
	fprintf(recorder->stream, ":");
	for (size_t i = 0; i < recorder->num_types; i++)
		fprintf(recorder->stream, " %" PRId64, sample->values[i]);
	for (size_t i = 0; i < sample->num_labels; i++)
		recorder_label(recorder, &sample->labels[i]);
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
			.function = recorder_function,
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
