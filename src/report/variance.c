// SPDX-License-Identifier: Apache-2.0
// Variance: how sure the values of a sampled profile are.  OUTSIDE.
#include "report/variance.h"

#include <math.h>
#include <string.h>

#include "profile/heap.h"

// Where x^2/(exp(x) - 1) is largest, and what it is there.
#define WORST_SIZE 1.593624
#define WORST_SQUARE 0.647610

static bool is_type(const struct profile_type *type, const char *name, const char *unit)
{
	return strcmp(type->type, name) == 0 && strcmp(type->unit, unit) == 0;
}

// The bytes of the blocks that a type counts: "inuse_space" for "inuse_objects"; num_types if there are none.
static size_t find_bytes(const struct profile_description *description, size_t objects)
{
	static const char end[] = "objects";
	const struct profile_type *types = description->types, *counted = &types[objects];
	size_t length = strlen(counted->type), start = length - strlen(end), i = 0;
	if (length < strlen(end) || strcmp(counted->type + start, end) != 0 || strcmp(counted->unit, "count") != 0)
		return description->num_types;
	for (; i < description->num_types; i++)
		if (strncmp(types[i].type, counted->type, start) == 0 && strcmp(types[i].type + start, "space") == 0 &&
		    strcmp(types[i].unit, "bytes") == 0)
			break;
	return i;
}

// Of blocks that have been scaled up, as many as count and together bytes.
static void estimate_blocks(double period, double count, double bytes, double *of_count, double *of_bytes)
{
	double size = bytes / count / period; // in periods
	if (count == 0 && bytes == 0)
		*of_count = *of_bytes = 0;
	if (count == 0 || !(size > 0)) // what is left of a difference, too
		return;
	double square = size * size / expm1(size);
	bool may_differ = fabs(count) > 1; // one block has the size that it has
	*of_count = fabs(count) / expm1(size);
	*of_bytes = fabs(count) * period * period * (may_differ && size > WORST_SIZE ? WORST_SQUARE : square);
}

static void estimate_heap(const struct profile_description *description, const int64_t *values, double *variances)
{
	for (size_t i = 0; i < description->num_types; i++) {
		size_t bytes = find_bytes(description, i);
		if (bytes == description->num_types)
			continue;
		if (description->period == 1)
			variances[i] = variances[bytes] = 0;
		else
			estimate_blocks((double)description->period, (double)values[i], (double)values[bytes], &variances[i],
					&variances[bytes]);
	}
}

static void estimate_cpu(const struct profile_description *description, const int64_t *values, double *variances)
{
	for (size_t i = 0; i < description->num_types; i++) {
		if (is_type(&description->types[i], "samples", "count"))
			variances[i] = fabs((double)values[i]);
		else if (is_type(&description->types[i], "cpu", "nanoseconds"))
			variances[i] = fabs((double)values[i]) * (double)description->period;
	}
}

void variance_estimate(const struct profile_description *description, const int64_t *values, double *variances)
{
	for (size_t i = 0; i < description->num_types; i++)
		variances[i] = NAN;
	if (description->period <= 0)
		return;
	if (is_type(&description->period_type, heap_period_type.type, heap_period_type.unit))
		estimate_heap(description, values, variances);
	else if (is_type(&description->period_type, "cpu", "nanoseconds"))
		estimate_cpu(description, values, variances);
}
