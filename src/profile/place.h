// SPDX-License-Identifier: Apache-2.0
/*
 * Place: what the tables of struct places hold.  For places.c and placement.c only.
 *
 * OUTSIDE.
 */
#ifndef CAIRN_PROFILE_PLACE_H
#define CAIRN_PROFILE_PLACE_H

#include "base/hash.h"
#include "profile/places.h"

#define PLACE_PAGE_BYTES UINT64_C(4096)

struct place_mapping {
	UT_hash_handle hh;
	uint32_t number;
	bool is_used;
	bool is_nameless; // may be made up, to hold all addresses there are
	uint32_t id; // in what is pushed
	bool has_room;         // put_start is free up to its size
	uint64_t start, limit; // in the first profile that has it
	uint64_t put_start;    // here
	const char *path, *build_id;
	bool has_functions, has_filenames, has_line_numbers, has_inline_frames;
	// The key.
	struct mapping_key {
		uint64_t num_pages;
		uint64_t offset;
		uint64_t nameless_start; // 0 if there is a name
		const char *name;        // of the strings
	} key;
};

struct place_function {
	UT_hash_handle hh;
	uint32_t number;
	bool is_used;
	uint32_t id; // in what is pushed
	// The key; strings are those of the strings.
	struct function_key {
		const char *name, *system_name, *filename;
		int64_t start_line;
	} key;
};

struct place {
	UT_hash_handle hh;
	uint32_t number;
	bool is_used;
	uint32_t id; // in what is pushed
	uint32_t mapping;
	uint64_t address; // from the start of the mapping
	bool is_folded;
	uint32_t num_lines;
	struct profile_line *lines;
	// The key, with which it was added.
	uint64_t key[];
};

#endif
