// SPDX-License-Identifier: Apache-2.0
/*
 * PLT: the stubs of an ELF file through which it calls functions of other files.
 *
 * A stub jumps to an address that the loader puts into a slot; the relocation of the slot names the function.  Stubs
 * have no symbols of their own.  They are looked for in sections whose names begin with ".plt", as GNU ld, gold and
 * lld make them, lazy or bound at load, for indirect branch tracking or not.
 *
 * OUTSIDE; any thread.  Nothing in the file is trusted; names may hold any bytes.
 */
#ifndef CAIRN_SYMBOLIZE_PLT_H
#define CAIRN_SYMBOLIZE_PLT_H

#include <libelf.h>
#include <stdint.h>

struct plt;

// NULL if the file has no stubs whose functions can be told.
struct plt *plt_create(Elf *elf);
void plt_destroy(struct plt *plt); // NULL: nothing to do

// The stub at an address as the file has them: "malloc@plt"; NULL: none is there.  Lives until plt_destroy().
const char *plt_find(const struct plt *plt, uint64_t address);

#endif
