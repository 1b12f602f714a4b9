// SPDX-License-Identifier: Apache-2.0
/*
 * Places: the mappings, functions and locations of several profiles, with the same code recognised as the same
 * although it lay at different addresses (address randomisation).
 *
 * The rules are google/pprof's (profile/merge.go), so that merging here or there gives the same: mappings are
 * equal if size in pages, offset in the file and build id (else path) are; functions if all they say is; locations
 * if their mapping, their distance from its start and their lines are.  Where a mapping has neither build id nor path
 * its address is all there is.  One thing is otherwise: where there is a build id the distance alone tells what code it
 * is, so that profiles with names and without add up; the lines that say most are kept, of equal ones the first.
 *
 * OUTSIDE; one thread.
 */
#ifndef CAIRN_PROFILE_PLACES_H
#define CAIRN_PROFILE_PLACES_H

#include "profile/profile.h"
#include "profile/strings.h"

struct place_mapping; // with its key: place.h
struct place_function;
struct place;

// What the outside may read of them.  Numbers are from 1 and never change.
struct places {
	struct strings *strings;
	struct place_mapping *mapping_table, **mappings;
	struct place_function *function_table, **functions;
	struct place *table, **places;
	uint32_t num_mappings, num_functions, num_places;
};

void places_init(struct places *places, struct strings *strings);
void places_deinit(struct places *places);

// The number of what stands for a mapping here.  What it has (has_functions ...) is what all of its profiles have.
uint32_t places_add_mapping(struct places *places, const struct profile_mapping *mapping);

// The number of what stands for a function here; its id does not matter.
uint32_t places_add_function(struct places *places, const struct profile_function *function);

// The number of what stands for a location in a mapping (a number; 0: none) that begins at start in the location's
// profile.  The location's lines, at most PROFILE_MAX_LINES, name functions by their numbers here.
uint32_t places_add(struct places *places, uint32_t mapping, uint64_t start, const struct profile_location *location);

// What a number stands for; ids are numbers.  Addresses are those of the first profile that has it: they may lie in
// another mapping of another profile.
struct profile_mapping places_get_mapping(const struct places *places, uint32_t mapping);
struct profile_function places_get_function(const struct places *places, uint32_t function);
struct profile_location places_get(const struct places *places, uint32_t place);

// Give a place its lines (copied; functions by number), and say what all places of a mapping have now.
void places_set_lines(struct places *places, uint32_t place, const struct profile_line *lines, size_t num_lines);
void places_set_has(struct places *places, uint32_t mapping, bool has_functions, bool has_filenames,
		    bool has_line_numbers, bool has_inline_frames);

// Which places places_push() shall push.
void places_use_none(struct places *places);
void places_use(struct places *places, uint32_t place);

// Push the first mapping and those that used places lie in, then the functions of used places, then these.  Ids are from 1
// without gaps, in the order of numbers.  Mappings that lie in another's way are put where there is room.
bool places_push(struct places *places, const struct profile_sink *sink);

// The id with which a place was pushed; 0: it was not.
uint32_t places_get_id(const struct places *places, uint32_t place);

#endif
