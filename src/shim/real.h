// SPDX-License-Identifier: Apache-2.0
/*
 * What lies underneath: the functions that the program would have called without cairn, whichever
 * allocator they belong to.
 *
 * INSIDE, any thread.  The table may be used at any moment: until the functions are looked up its
 * allocation members do the look-up first.
 */
#ifndef CAIRN_SHIM_REAL_H
#define CAIRN_SHIM_REAL_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/names.h"

typedef void (*real_handler)(int);

struct real {
#define X(member, symbol, result, parameters) result(*member) parameters;
	SHIM_ALLOCATION_NAMES(X)
	SHIM_NEW_NAMES(X)
	SHIM_DELETE_NAMES(X)
	SHIM_CONTROL_NAMES(X)
#undef X
	// The operator belongs to the allocator and does not call malloc.  Those of libstdc++ do, so for them
	// that malloc is counted.  An allocator may define some and leave the others to libstdc++.
#define X(member, symbol, result, parameters) bool owns_##member;
	SHIM_NEW_NAMES(X)
	SHIM_DELETE_NAMES(X)
#undef X
	bool has_operators;
};

extern struct real real __attribute__((visibility("hidden")));

// Look everything up, once.
void real_resolve(void);

// Find the C++ operators in a program that loaded its C++ library after the start.
void real_resolve_operators(void);

// Find out which of the allocator's own operators call its malloc family where cairn sees it (jemalloc's
// aligned ones do), by a call to each.  Not within an allocation.
void real_probe_operators(void);

// True if what the program calls as malloc() comes here.
bool real_is_reached(void);

// True for a block that was handed out while the functions were being looked up.
bool real_is_early(const void *block);

// The size of an early block.
size_t real_early_bytes(const void *block);

#endif
