// SPDX-License-Identifier: Apache-2.0
/*
 * DWARF scopes: the namespaces and classes that functions are declared in.
 *
 * Debug information has the names that linkers know of functions that they can see.  Those of an anonymous namespace, or
 * made of its types, have only their own; with the scopes around them they are called as everybody knows them.
 *
 * OUTSIDE; one thread.  Entries must stay where they are meanwhile.
 */
#ifndef CAIRN_SYMBOLIZE_DWARF_SCOPES_H
#define CAIRN_SYMBOLIZE_DWARF_SCOPES_H

#include <elfutils/libdw.h>

#include "base/text.h"

struct dwarf_scopes_unit;

// Those of the units that were asked about, each walked once.
struct dwarf_scopes {
	struct dwarf_scopes_unit *units;
};

void dwarf_scopes_deinit(struct dwarf_scopes *scopes); // of a zeroed one, too

// Append "outer::inner::" for the scopes of a function (or of the function that an entry is a call or the code of).
void dwarf_scopes_add(struct dwarf_scopes *scopes, Dwarf_Die *function, struct text *text);

#endif
