// SPDX-License-Identifier: Apache-2.0
// The profile that side 0 of a store holds.  OUTSIDE.
#include "profile/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

// The values of side 0 of types that are shared, in order.  False if they come to nothing.
static bool choose_values(const struct store *store, const struct store_sample *sample, int64_t *values)
{
	bool is_something = false;
	for (size_t i = 0; i < store->num_types; i++) {
		if (!store->is_shared[i])
			continue;
		is_something |= sample->values[i] != 0;
		*values++ = sample->values[i];
	}
	return is_something;
}

static bool push_description(const struct store *store, const struct profile_sink *sink)
{
	struct profile_type types[PROFILE_MAX_TYPES];
	struct profile_description description = {
		.types = types,
		.default_type = "",
		.period_type = store->period_type,
		.period = store->period,
		.time_ns = store->sides[0].time_ns,
		.duration_ns = store->sides[0].duration_ns,
		.drop_frames = store->drop_frames,
		.keep_frames = store->keep_frames,
	};
	for (size_t i = 0; i < store->num_types; i++) {
		if (!store->is_shared[i])
			continue;
		types[description.num_types++] = store->types[i];
		if (strcmp(store->types[i].type, store->default_type) == 0)
			description.default_type = store->default_type;
	}
	return sink->description(sink->context, &description);
}

static bool push_comments(const struct store_side *side, const struct profile_sink *sink)
{
	for (size_t i = 0; i < side->num_comments; i++)
		if (!sink->comment(sink->context, side->comments[i]))
			return false;
	if (!side->num_more_comments)
		return true;
	char more[64];
	snprintf(more, sizeof(more), "and %" PRIu64 " more comments", side->num_more_comments);
	return sink->comment(sink->context, more);
}

static bool push_samples(const struct store *store, const struct profile_sink *sink)
{
	int64_t values[PROFILE_MAX_TYPES];
	uint32_t *ids = memory_get(PROFILE_MAX_LOCATIONS, sizeof(*ids));
	bool is_well = true;
	for (size_t i = 0; i < store->num_samples && is_well; i++) {
		const struct store_sample *sample = store->samples[i];
		struct profile_sample pushed = { .location_ids = ids, .num_locations = sample->num_places, .values = values };
		if (!choose_values(store, sample, values))
			continue;
		for (uint32_t j = 0; j < sample->num_places; j++)
			ids[j] = places_get_id(&store->places, sample->places[j]);
		pushed.labels = store_get_labels(store, sample->label_set, &pushed.num_labels);
		is_well = sink->sample(sink->context, &pushed);
	}
	free(ids);
	return is_well;
}

bool store_push(struct store *store, const struct profile_sink *sink)
{
	int64_t values[PROFILE_MAX_TYPES];
	places_use_none(&store->places);
	for (size_t i = 0; i < store->num_samples; i++) {
		const struct store_sample *sample = store->samples[i];
		bool is_something = choose_values(store, sample, values);
		for (size_t j = 0; j < sample->num_places && is_something; j++)
			places_use(&store->places, sample->places[j]);
	}
	return push_description(store, sink) && push_comments(&store->sides[0], sink) && places_push(&store->places, sink) &&
	       push_samples(store, sink);
}
