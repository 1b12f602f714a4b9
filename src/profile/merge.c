// SPDX-License-Identifier: Apache-2.0
// Merge: the sum or difference of profiles.  OUTSIDE.
#include "profile/merge.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "profile/places.h"

#define MAX_COMMENTS 64

struct merged_sample {
	UT_hash_handle hh;
	int64_t values[PROFILE_NUM_VALUES];
	size_t num_places;
	uint32_t places[]; // leaf first; the key
};

// What an id of the profile that is being pushed stands for.
struct known_mapping {
	uint32_t number; // in places; 0: no such id
	uint64_t start;  // in that profile
};

struct merge {
	struct places places;
	struct merged_sample *samples;
	int64_t period_bytes, duration_ns;
	int64_t added_time_ns, subtracted_time_ns; // the latest; 0: none
	char *comments[MAX_COMMENTS];
	size_t num_comments;
	uint64_t num_more_comments;

	// The profile that is being pushed.
	struct profile_sink sink;
	enum merge_sign sign;
	struct known_mapping *mappings; // by id
	uint32_t *locations;            // their numbers in places by id; 0: no such id
	size_t max_mappings, max_locations;
	uint32_t *stack; // of a sample, in places
	size_t max_stack;
};

static int64_t add_saturating(int64_t left, int64_t right)
{
	int64_t sum;
	return __builtin_add_overflow(left, right, &sum) ? (right < 0 ? INT64_MIN : INT64_MAX) : sum;
}

static int64_t subtract_saturating(int64_t left, int64_t right)
{
	int64_t difference;
	return __builtin_sub_overflow(left, right, &difference) ? (right < 0 ? INT64_MAX : INT64_MIN) : difference;
}

static int64_t larger(int64_t left, int64_t right)
{
	return left > right ? left : right;
}

static bool take_description(void *context, const struct profile_description *description)
{
	struct merge *merge = context;
	merge->period_bytes = larger(merge->period_bytes, description->period_bytes);
	if (merge->sign == MERGE_ADD) {
		merge->added_time_ns = larger(merge->added_time_ns, description->time_ns);
		merge->duration_ns = add_saturating(merge->duration_ns, description->duration_ns);
	} else {
		merge->subtracted_time_ns = larger(merge->subtracted_time_ns, description->time_ns);
	}
	return true;
}

static bool take_comment(void *context, const char *comment)
{
	struct merge *merge = context;
	if (merge->sign != MERGE_ADD)
		return true;
	for (size_t i = 0; i < merge->num_comments; i++)
		if (strcmp(merge->comments[i], comment) == 0)
			return true;
	if (merge->num_comments < MAX_COMMENTS)
		merge->comments[merge->num_comments++] = memory_copy_string(comment);
	else
		merge->num_more_comments++;
	return true;
}

// An array that has element number, larger if need be.  Ids are counted, so it is filled well; it is zeroed memory
// nobody has touched where it is not.
static void *reach(void *array, size_t *max_elements, size_t number, size_t element_bytes)
{
	if (number < *max_elements)
		return array;
	size_t more_elements = 2 * number + 64;
	void *larger_array = memory_get(more_elements, element_bytes);
	if (array)
		memcpy(larger_array, array, *max_elements * element_bytes);
	free(array);
	*max_elements = more_elements;
	return larger_array;
}

static void forget_ids(struct merge *merge)
{
	free(merge->mappings);
	free(merge->locations);
	merge->mappings = NULL;
	merge->locations = NULL;
	merge->max_mappings = merge->max_locations = 0;
}

static bool take_mapping(void *context, const struct profile_mapping *mapping)
{
	struct merge *merge = context;
	merge->mappings = reach(merge->mappings, &merge->max_mappings, mapping->id, sizeof(*merge->mappings));
	merge->mappings[mapping->id].number = places_add_mapping(&merge->places, mapping);
	merge->mappings[mapping->id].start = mapping->start;
	return true;
}

// A mapping that is not known is none: a program may have opened a library after the mappings were pushed.
static bool take_location(void *context, const struct profile_location *location)
{
	struct merge *merge = context;
	struct known_mapping mapping = { 0 };
	if (location->mapping_id < merge->max_mappings)
		mapping = merge->mappings[location->mapping_id];
	merge->locations = reach(merge->locations, &merge->max_locations, location->id, sizeof(*merge->locations));
	merge->locations[location->id] = places_add(&merge->places, mapping.number, mapping.start, location);
	return true;
}

static struct merged_sample *get_sample(struct merge *merge, const uint32_t *stack, size_t num_places)
{
	struct merged_sample *found;
	HASH_FIND(hh, merge->samples, stack, num_places * sizeof(*stack), found);
	if (found)
		return found;
	found = memory_get(1, sizeof(*found) + num_places * sizeof(*stack));
	found->num_places = num_places;
	memcpy(found->places, stack, num_places * sizeof(*stack));
	HASH_ADD_KEYPTR(hh, merge->samples, found->places, num_places * sizeof(*stack), found);
	return found;
}

static bool take_sample(void *context, const struct profile_sample *sample)
{
	struct merge *merge = context;
	if (sample->num_locations > merge->max_stack) {
		merge->max_stack = 2 * sample->num_locations;
		merge->stack = memory_resize(merge->stack, merge->max_stack, sizeof(*merge->stack));
	}
	for (size_t i = 0; i < sample->num_locations; i++) {
		uint32_t id = sample->location_ids[i];
		merge->stack[i] = id < merge->max_locations ? merge->locations[id] : 0;
		if (!merge->stack[i])
			return false;
	}
	struct merged_sample *sum = get_sample(merge, merge->stack, sample->num_locations);
	for (int i = 0; i < PROFILE_NUM_VALUES; i++)
		sum->values[i] = merge->sign == MERGE_ADD ? add_saturating(sum->values[i], sample->values[i])
							  : subtract_saturating(sum->values[i], sample->values[i]);
	return true;
}

struct merge *merge_create(void)
{
	struct merge *merge = memory_get(1, sizeof(*merge));
	merge->max_stack = 64;
	merge->stack = memory_get(merge->max_stack, sizeof(*merge->stack));
	places_init(&merge->places);
	merge->sink = (struct profile_sink){
		.context = merge,
		.description = take_description,
		.comment = take_comment,
		.mapping = take_mapping,
		.location = take_location,
		.sample = take_sample,
	};
	return merge;
}

void merge_destroy(struct merge *merge)
{
	if (!merge)
		return;
	struct merged_sample *sample, *next;
	HASH_ITER(hh, merge->samples, sample, next) {
		HASH_DEL(merge->samples, sample);
		free(sample);
	}
	forget_ids(merge);
	for (size_t i = 0; i < merge->num_comments; i++)
		free(merge->comments[i]);
	places_deinit(&merge->places);
	free(merge->stack);
	free(merge);
}

const struct profile_sink *merge_begin(struct merge *merge, enum merge_sign sign)
{
	forget_ids(merge);
	merge->sign = sign;
	return &merge->sink;
}

static bool is_zero(const struct merged_sample *sample)
{
	for (int i = 0; i < PROFILE_NUM_VALUES; i++)
		if (sample->values[i])
			return false;
	return true;
}

static bool push_description(const struct merge *merge, const struct profile_sink *sink)
{
	struct profile_description description = {
		.period_bytes = merge->period_bytes,
		.time_ns = merge->added_time_ns,
		.duration_ns = merge->duration_ns,
	};
	if (merge->subtracted_time_ns)
		description.duration_ns = larger(0, subtract_saturating(merge->added_time_ns, merge->subtracted_time_ns));
	return sink->description(sink->context, &description);
}

static bool push_comments(const struct merge *merge, const struct profile_sink *sink)
{
	for (size_t i = 0; i < merge->num_comments; i++)
		if (!sink->comment(sink->context, merge->comments[i]))
			return false;
	if (!merge->num_more_comments)
		return true;
	char more[64];
	snprintf(more, sizeof(more), "and %" PRIu64 " more comments", merge->num_more_comments);
	return sink->comment(sink->context, more);
}

static bool push_samples(const struct merge *merge, const struct profile_sink *sink)
{
	for (const struct merged_sample *sample = merge->samples; sample; sample = sample->hh.next) {
		struct profile_sample pushed = { .location_ids = sample->places, .num_locations = sample->num_places };
		memcpy(pushed.values, sample->values, sizeof(pushed.values));
		if (!is_zero(sample) && !sink->sample(sink->context, &pushed))
			return false;
	}
	return true;
}

bool merge_push(struct merge *merge, const struct profile_sink *sink)
{
	places_use_none(&merge->places);
	for (const struct merged_sample *sample = merge->samples; sample; sample = sample->hh.next)
		for (size_t i = 0; i < sample->num_places && !is_zero(sample); i++)
			places_use(&merge->places, sample->places[i]);
	return push_description(merge, sink) && push_comments(merge, sink) && places_push(&merge->places, sink) &&
	       push_samples(merge, sink);
}
