// SPDX-License-Identifier: Apache-2.0
/*
 * Pattern of a rule: what a line of it says of one frame of a stack.
 *
 * A function is compared by the name that the linker knows, by the one for people, and by that without parameters and
 * without the __GI_ that glibc puts before names of its own; a
 * binary by the path of its mapping; a source file by its path and by what follows its last '/'.  A function without a
 * name is "", which only "*" matches; LeakSanitizer's patterns match nothing that is "".
 *
 * OUTSIDE; any thread.
 */
#ifndef CAIRN_LEAKS_RULE_PATTERN_H
#define CAIRN_LEAKS_RULE_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profile/profile.h"

enum rule_pattern_type {
	RULE_FUNCTION,  // fun:
	RULE_BINARY,    // obj:
	RULE_SOURCE,    // src:
	RULE_ANYTHING,  // leak: any of these
	RULE_ANY_FRAMES, // "...": any number of frames, also none
};

struct rule_pattern {
	enum rule_pattern_type type;
	char *glob;       // with * and, but for RULE_ANYTHING, ?; NULL: RULE_ANY_FRAMES
	int64_t line;     // of a source file; 0: any
	bool is_allocation; // it may stand for the function that allocated, which no stack has
	bool is_operator;   // the same of C++'s operators only
};

// Of the rest of a line, which is not empty.  src: may end with :LINE.
struct rule_pattern rule_pattern_create(enum rule_pattern_type type, const char *text, size_t length);
// LeakSanitizer's: a part of a name, unless ^ and $ tell its ends.
struct rule_pattern rule_pattern_create_part(const char *text, size_t length);
void rule_pattern_deinit(struct rule_pattern *pattern);

bool rule_pattern_is_equal(const struct rule_pattern *a, const struct rule_pattern *b);

// Does a frame match that has this function, "" in all that is not known?  A pattern of binaries never does here, and the
// line is not compared.
bool rule_pattern_matches_function(const struct rule_pattern *pattern, const struct profile_function *function);
// Does a frame match that lies in this binary?  Patterns of functions and source files never do here.
bool rule_pattern_matches_binary(const struct rule_pattern *pattern, const char *path);

// Is it one of the functions that allocate, of C or C++: malloc, operator new ...?
bool rule_pattern_is_allocator(const struct profile_function *function);

// * stands for anything, with_query: ? for one byte.  Takes length of glob times length of text steps at most.
bool rule_pattern_matches_text(const char *glob, const char *text, bool with_query);

#endif
