// SPDX-License-Identifier: Apache-2.0
/*
 * Strings: each distinct string once, so that equal ones have equal addresses.
 *
 * OUTSIDE; one thread.
 */
#ifndef CAIRN_PROFILE_STRINGS_H
#define CAIRN_PROFILE_STRINGS_H

struct string;

struct strings {
	struct string *table;
};

void strings_init(struct strings *strings);
void strings_deinit(struct strings *strings);

// The one string that is equal to this; lives as long as the table.
const char *strings_get(struct strings *strings, const char *string);

#endif
