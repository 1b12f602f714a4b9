// SPDX-License-Identifier: Apache-2.0
/*
 * Stack name: a call stack in one line, "parse < read_file < main".
 *
 * OUTSIDE.
 */
#ifndef CAIRN_REPORT_STACK_NAME_H
#define CAIRN_REPORT_STACK_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "symbolize/names.h"

#define STACK_NAME_MAX_FRAMES 1024

// True for functions that do nothing but allocate for others: malloc, operator new, std::allocator.
bool stack_name_is_allocator(const char *function);

// Append the first function of a site that is no allocator, and its callers as long as max_columns have room for
// them.  Harmless on a terminal (printable.h).
void stack_name_add(struct text *text, struct names *names, const struct ledger *ledger, uint32_t site,
		    size_t max_columns);

// The first frame that is no allocator: its index in frames, 0 if there is none.
size_t stack_name_find_leaf(struct names *names, const struct ledger *ledger, const uint32_t *frames,
			   size_t num_frames);

#endif
