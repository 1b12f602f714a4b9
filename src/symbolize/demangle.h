// SPDX-License-Identifier: Apache-2.0
/*
 * Demangle: the names of C++, Rust and D functions as people write them.
 *
 * OUTSIDE; one thread at a time.  A mangled name may be made to be as expensive as possible: the work and the
 * length of what comes out are bounded (by a timer: SIGVTALRM is taken for a moment).
 */
#ifndef CAIRN_SYMBOLIZE_DEMANGLE_H
#define CAIRN_SYMBOLIZE_DEMANGLE_H

#include "base/text.h"

// Append the function that a symbol stands for, without parameters and without template arguments that only
// repeat a default: "std::vector<int>::push_back".  Versions and suffixes of compilers are left out
// too: "parse" for "parse.constprop.0" and "parse@@LIB_2".
void demangle_add(struct text *text, const char *symbol);

#endif
