// SPDX-License-Identifier: Apache-2.0
/*
 * DWARF part: what the compiler has left out of the linked file (split DWARF): a .dwo file beside the object file, or
 * many of them packed into the .dwp file beside the program.
 *
 * libdw finds only .dwo files, by paths of this machine, and knows no .dwp files before version 0.191.  So a part is
 * put together for it here: an ELF file in memory whose sections are those of the part and, from where the unit's
 * begin, addresses and ranges of the linked file.
 *
 * OUTSIDE; one thread.
 */
#ifndef CAIRN_SYMBOLIZE_DWARF_PART_H
#define CAIRN_SYMBOLIZE_DWARF_PART_H

#include <stdbool.h>

#include <elfutils/libdw.h>

#include "symbolize/elf_file.h"
#include "symbolize/search.h"

#define DWARF_PART_NAMES_BYTES 128

struct dwarf_span {
	const unsigned char *start; // NULL: none
	size_t size_bytes;
};

struct dwarf_part {
	struct elf_file file; // not open: it is in the package
	Elf *image;
	char names[DWARF_PART_NAMES_BYTES]; // of its sections
	Dwarf *dwarf;
	Dwarf_Die root;
	Dwarf_Addr base; // of ranges
	uint8_t offset_bytes;
	struct dwarf_span range_lists;
};

// Look for the .dwp file of a program.
bool dwarf_part_find_package(const char *program, struct elf_file *found);

// Find the part that a unit of a linked file says it has, in a package (not open: there is none) or where the unit says
// that it is.  False: it has none, or it is not there; nothing is to be
// closed then.
bool dwarf_part_open(struct dwarf_part *part, const struct elf_file *linked, Dwarf_Die *unit, const struct elf_file *package,
		     const struct symbols_search *search);
// One that holds nothing: for libdw, to have instead of something that it would look for by itself.
bool dwarf_part_open_empty(struct dwarf_part *part, const struct elf_file *linked);
void dwarf_part_close(struct dwarf_part *part);

// The next range of code of an entry, as dwarf_ranges() does, which would not know the part's base address.  part:
// NULL: the entry is of a linked file.
ptrdiff_t dwarf_part_next_range(const struct dwarf_part *part, Dwarf_Die *entry, ptrdiff_t offset, Dwarf_Addr *base,
				Dwarf_Addr *low, Dwarf_Addr *limit);

#endif
