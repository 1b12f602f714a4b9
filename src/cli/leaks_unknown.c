// SPDX-License-Identifier: Apache-2.0
// Leaks, unknown: the live blocks of a ledger whose process could not be looked into.  OUTSIDE.
#include "cli/leaks_unknown.h"

#include "cli/snapshot.h"
#include "leaks/kind.h"
#include "profile/heap.h"

// A sink between that of a snapshot and the caller's: types that are live now, and a label.
static const struct profile_sink *caller_of(void *context)
{
	return context;
}

static bool take_description(void *context, const struct profile_description *description)
{
	const struct profile_sink *sink = caller_of(context);
	struct profile_description live = *description;
	live.types = &heap_types[HEAP_INUSE_OBJECTS];
	live.num_types = 2;
	return sink->description(sink->context, &live);
}

static bool take_comment(void *context, const char *comment)
{
	const struct profile_sink *sink = caller_of(context);
	return sink->comment(sink->context, comment);
}

static bool take_mapping(void *context, const struct profile_mapping *mapping)
{
	const struct profile_sink *sink = caller_of(context);
	return sink->mapping(sink->context, mapping);
}

static bool take_function(void *context, const struct profile_function *function)
{
	const struct profile_sink *sink = caller_of(context);
	return sink->function(sink->context, function);
}

static bool take_location(void *context, const struct profile_location *location)
{
	const struct profile_sink *sink = caller_of(context);
	return sink->location(sink->context, location);
}

static bool take_sample(void *context, const struct profile_sample *sample)
{
	const struct profile_sink *sink = caller_of(context);
	const struct profile_label label = { .key = LEAK_LABEL, .string = leak_kind_names[LEAK_UNKNOWN], .unit = "" };
	struct profile_sample live = *sample;
	live.values = &sample->values[HEAP_INUSE_OBJECTS];
	live.labels = &label;
	live.num_labels = 1;
	return (!live.values[0] && !live.values[1]) || sink->sample(sink->context, &live);
}

bool leaks_push_unknown(const struct target *target, const struct profile_sink *sink)
{
	struct snapshot snapshot = { .target = target };
	const struct profile_sink between = { (void *)sink,  take_description, take_comment, take_mapping,
					      take_function, take_location,    take_sample };
	return snapshot_push(&snapshot, &between);
}
