// SPDX-License-Identifier: Apache-2.0
/*
 * Names: which function a frame of a ledger is in, by the symbol tables of the files that were mapped.
 *
 * A file is opened when the first of its functions is asked for, under the process's root directory if it still
 * has one; it must have the build id that the ledger has noted, else it was replaced and its names would be
 * those of other functions.  Lines and inlined functions are not found here.
 *
 * OUTSIDE; one thread.  Nothing in the ledger or in the files is trusted.  What comes out may hold any bytes:
 * printable.h is for that.
 */
#ifndef CAIRN_SYMBOLIZE_NAMES_H
#define CAIRN_SYMBOLIZE_NAMES_H

#include <stdint.h>
#include <sys/types.h>

#include "base/text.h"
#include "ledger/read.h"

struct names;

// The names of one ledger and its later copies; pid is the process that keeps it, 0: none, or not to be seen.
// NULL if there is no memory.
struct names *names_create(pid_t pid);
void names_destroy(struct names *names); // NULL: nothing to do

// The function at an address of a mapping (by number), demangled; NULL: not known.  Lives until the next call.
const char *names_find(struct names *names, const struct ledger *ledger, uint32_t mapping, uint64_t address);

// Why a mapping has no names: "build id differs: the file was replaced"; NULL: it has, or was not asked yet.
const char *names_get_problem(const struct names *names, uint32_t mapping);

// Append what there is to say of a frame (by number): its function, else "[libfoo.so+0x1234]" (the offset in the
// file), "[vdso]", "[0x7f0012]" or "[truncated]".
void names_add_frame(struct names *names, const struct ledger *ledger, uint32_t frame, struct text *text);

// The base name of the file that a frame lies in; "" if it is not known.
const char *names_find_file(const struct ledger *ledger, uint32_t frame);

#endif
