// SPDX-License-Identifier: Apache-2.0
/*
 * A profile as a stream of its parts: whoever has one (a ledger, a file) pushes them, whoever wants one (a
 * writer of profile.proto, a store) takes them.  So neither needs memory for the whole.
 *
 * BOTH worlds.  Parts come in the order of the members of struct profile_sink; what a part names by its id came
 * before it.  Strings are never NULL unless said so; "" is an unknown one.
 */
#ifndef CAIRN_PROFILE_PROFILE_H
#define CAIRN_PROFILE_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROFILE_MAX_TYPES 64
#define PROFILE_MAX_LOCATIONS 16384 // of a sample
#define PROFILE_MAX_LINES 1024      // of a location
#define PROFILE_MAX_LABELS 1024     // of a sample
#define PROFILE_MAX_STRING_BYTES 65536

// What a value counts: "inuse_space" in "bytes".
struct profile_type {
	const char *type, *unit;
};

struct profile_description {
	const struct profile_type *types; // of the values of every sample, in order
	size_t num_types;                 // 1 to PROFILE_MAX_TYPES
	const char *default_type;         // to be shown first; "": the last
	struct profile_type period_type;  // what lies between samples: "space" in "bytes"
	int64_t period;                   // mean distance between samples, in that; 1 byte: exact; 0: not known
	int64_t time_ns;                  // since 1970
	int64_t duration_ns;              // that cumulative values cover; 0: a snapshot
	const char *drop_frames, *keep_frames; // patterns of function names (google/pprof, profile/prune.go); "": none
};

struct profile_mapping {
	uint32_t id; // the main program has 1
	uint64_t start, limit, offset;
	const char *path;
	const char *build_id;
	// True of every location in it, so that nobody needs to look it up again.
	bool has_functions, has_filenames, has_line_numbers, has_inline_frames;
};

struct profile_function {
	uint32_t id;
	const char *name;        // for people: demangled
	const char *system_name; // as the linker knows it
	const char *filename;
	int64_t start_line; // 0: not known
};

struct profile_line {
	uint32_t function_id; // 0: not known
	int64_t line;         // 0: not known
	int64_t column;       // 0: not known
};

struct profile_location {
	uint32_t id;
	uint32_t mapping_id; // 0: none
	uint64_t address;
	const struct profile_line *lines; // innermost inlined call first
	size_t num_lines;                 // 0: to be found from the address
	bool is_folded;                   // other addresses have the same lines and are meant too
};

struct profile_label {
	const char *key;
	const char *string; // NULL: it is a number
	int64_t number;
	const char *unit; // of the number; "": none
};

struct profile_sample {
	const uint32_t *location_ids; // leaf first
	size_t num_locations;
	const int64_t *values; // one for each type
	const struct profile_label *labels;
	size_t num_labels;
};

// Each function returns false to end the stream early.  Strings live until it returns.
struct profile_sink {
	void *context;
	bool (*description)(void *context, const struct profile_description *description);
	bool (*comment)(void *context, const char *comment);
	bool (*mapping)(void *context, const struct profile_mapping *mapping);
	bool (*function)(void *context, const struct profile_function *function);
	bool (*location)(void *context, const struct profile_location *location);
	bool (*sample)(void *context, const struct profile_sample *sample);
};

#endif
