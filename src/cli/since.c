// SPDX-License-Identifier: Apache-2.0
// Since: what happened in a process between an earlier profile of it and now.  OUTSIDE.
#include "cli/since.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "pprof/reader.h"

#define LIVE_COMMENT "live: "
#define PROCESS_COMMENT "process: " // of profiles written by cairn: its pid and when it began

// Hands everything on, and looks for the comment that tells the process.
struct filter {
	const struct profile_sink *sink;
	const char *base;  // the earlier profile, for a comment; NULL: this is it
	char process[128]; // "": none seen
};

static bool take_description(void *context, const struct profile_description *description)
{
	const struct filter *filter = context;
	return filter->sink->description(filter->sink->context, description);
}

static bool take_comment(void *context, const char *comment)
{
	struct filter *filter = context;
	if (strncmp(comment, PROCESS_COMMENT, strlen(PROCESS_COMMENT)) == 0)
		snprintf(filter->process, sizeof(filter->process), "%s", comment);
	// What is live is not what the difference shows.
	if (filter->base && strncmp(comment, LIVE_COMMENT, strlen(LIVE_COMMENT)) == 0) {
		char difference[PATH_MAX + 32];
		snprintf(difference, sizeof(difference), "difference to: %s", filter->base);
		return filter->sink->comment(filter->sink->context, difference);
	}
	return filter->sink->comment(filter->sink->context, comment);
}

static bool take_mapping(void *context, const struct profile_mapping *mapping)
{
	const struct filter *filter = context;
	return filter->sink->mapping(filter->sink->context, mapping);
}

static bool take_function(void *context, const struct profile_function *function)
{
	const struct filter *filter = context;
	return filter->sink->function(filter->sink->context, function);
}

static bool take_location(void *context, const struct profile_location *location)
{
	const struct filter *filter = context;
	return filter->sink->location(filter->sink->context, location);
}

static bool take_sample(void *context, const struct profile_sample *sample)
{
	const struct filter *filter = context;
	return filter->sink->sample(filter->sink->context, sample);
}

static struct profile_sink sink_of(struct filter *filter)
{
	return (struct profile_sink){ filter, take_description, take_comment, take_mapping, take_function, take_location, take_sample };
}

static bool subtract(struct store *difference, const char *path, const char *process, struct error *error)
{
	struct filter filter = { .sink = store_begin(difference, 0, STORE_SUBTRACT) };
	const struct profile_sink sink = sink_of(&filter);
	error->message[0] = 0;
	if (!reader_read_file(path, &sink, error))
		return error->message[0] ? false : error_set(error, "%s: its stacks name frames that are not there", path);
	if (!filter.process[0])
		return error_set(error, "%s: does not tell of which process it is; it must be a profile written by cairn", path);
	return strcmp(filter.process, process) == 0 ||
	       error_set(error, "%s: is of another process (%s, and here %s)", path, filter.process, process);
}

bool since_create(struct store **difference, struct snapshot *snapshot, const char *path, struct error *error)
{
	struct store *store = store_create(1);
	struct filter filter = { .sink = store_begin(store, 0, STORE_ADD), .base = path };
	const struct profile_sink sink = sink_of(&filter);
	bool is_pushed = snapshot_push(snapshot, &sink) || error_set(error, "the ledger names frames that are not there");
	if (!is_pushed || !subtract(store, path, filter.process, error)) {
		store_destroy(store);
		return false;
	}
	*difference = store;
	return true;
}
