// SPDX-License-Identifier: Apache-2.0
/*
 * A heap profile as a stream of its parts: whoever has one (a ledger) pushes them, whoever wants one (a
 * writer of profile.proto) takes them.  So neither needs memory for the whole.
 *
 * BOTH worlds.  Parts come in the order of the members of struct profile_sink.
 */
#ifndef CAIRN_PROFILE_PROFILE_H
#define CAIRN_PROFILE_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROFILE_NUM_VALUES 4

// The values of a sample, in the order in which Go's heap profiles have them.
enum profile_value {
	PROFILE_ALLOC_OBJECTS,
	PROFILE_ALLOC_SPACE,
	PROFILE_INUSE_OBJECTS,
	PROFILE_INUSE_SPACE,
};

struct profile_description {
	int64_t period_bytes; // mean distance between samples, 1: exact
	int64_t time_ns;      // since 1970
	int64_t duration_ns;  // that cumulative values cover; 0: a snapshot
};

struct profile_mapping {
	uint32_t id; // the main program has 1
	uint64_t start, limit, offset;
	const char *path;
	const char *build_id;
};

struct profile_location {
	uint32_t id;
	uint32_t mapping_id;  // 0: none
	uint64_t address;
	const char *function; // NULL: to be found from the address
};

struct profile_sample {
	const uint32_t *location_ids; // leaf first
	size_t num_locations;
	int64_t values[PROFILE_NUM_VALUES];
};

// Each function returns false to end the stream early.  Strings live until it returns.
struct profile_sink {
	void *context;
	bool (*description)(void *context, const struct profile_description *description);
	bool (*comment)(void *context, const char *comment);
	bool (*mapping)(void *context, const struct profile_mapping *mapping);
	bool (*location)(void *context, const struct profile_location *location);
	bool (*sample)(void *context, const struct profile_sample *sample);
};

#endif
