// SPDX-License-Identifier: Apache-2.0
/*
 * DWARF answers: lines of addresses as bytes: written where debug information is read, and checked where they are taken.
 *
 * OUTSIDE.  The bytes stay on this machine and in this version.
 */
#ifndef CAIRN_SYMBOLIZE_DWARF_ANSWERS_H
#define CAIRN_SYMBOLIZE_DWARF_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "profile/strings.h"
#include "symbolize/dwarf_lines.h"

struct dwarf_answers_string;

struct dwarf_answers {
	FILE *file;
	struct dwarf_answers_string *strings; // that were written
};

void dwarf_answers_init(struct dwarf_answers *answers, FILE *file);
void dwarf_answers_deinit(struct dwarf_answers *answers);

// Write the lines of an address, by its number.
void dwarf_answers_write(struct dwarf_answers *answers, size_t number, const struct line *lines, size_t num_lines);

// Read what was written about num_addresses; theirs are the answers, which hold nothing yet.  False: it is damaged, and
// they hold nothing.
bool dwarf_answers_read(const unsigned char *bytes, size_t num_bytes, struct strings *strings, size_t num_addresses,
			struct dwarf_answer *answers);

#endif
