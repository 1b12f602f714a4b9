// SPDX-License-Identifier: Apache-2.0
/*
 * DWARF lookup: reads debug information with libdw.
 *
 * OUTSIDE; one thread.  What is read is believed, so files that lie may end the process or keep it busy for ever: only
 * for isolation_run().
 */
#ifndef CAIRN_SYMBOLIZE_DWARF_LOOKUP_H
#define CAIRN_SYMBOLIZE_DWARF_LOOKUP_H

#include <stddef.h>
#include <stdint.h>

#include "symbolize/dwarf_answers.h"
#include "symbolize/elf_file.h"
#include "symbolize/search.h"

struct dwarf_question {
	const struct elf_file *debug;
	const struct elf_file *shared; // what dwz has taken out; not open: nothing
	const struct elf_file *package; // the .dwp file of split DWARF; not open: there is none
	const struct symbols_search *search;
	const uint64_t *addresses; // ascending and distinct
	size_t num_addresses;
};

// Write what is known of each address.
void dwarf_lookup(const struct dwarf_question *question, struct dwarf_answers *answers);

#endif
