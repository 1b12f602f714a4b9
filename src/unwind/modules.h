// SPDX-License-Identifier: Apache-2.0
/*
 * Modules: which program or library a place in the code belongs to.
 *
 * The loader answers through _dl_find_object() (glibc 2.35), which takes no lock.  A module that is
 * seen for the first time is entered into the ledger with its executable ranges, path and build id, so
 * that the profile can name it after it was closed.
 *
 * INSIDE.  One thread at a time (struct rules holds the lock); signal-safe.
 */
#ifndef CAIRN_UNWIND_MODULES_H
#define CAIRN_UNWIND_MODULES_H

#include "ledger/ledger.h"
#include "unwind/cfi.h"

#define MODULE_MAX_RANGES 4
#define MODULE_MAX 4096

struct module {
	struct cfi_module cfi;
	uint64_t identity; // hash of path and build id
	uint32_t generation; // of struct modules, when it was last seen to be there
	uint32_t num_ranges;
	struct {
		uintptr_t start, limit;
		uint32_t mapping; // in the ledger
	} ranges[MODULE_MAX_RANGES];
};

struct modules {
	struct module *modules; // MODULE_MAX of them
	uint32_t num_modules;
	uint32_t generation; // grows whenever a module may have been closed
};

// False if there is no memory.
bool modules_init(struct modules *modules);

// The module that pc lies in, entered into the ledger if it is new; NULL if there is none.
// *is_changed is set if another module was known at that place.
const struct module *modules_find(struct modules *modules, struct ledger *ledger, uintptr_t pc, bool *is_changed);

// Forget modules that have a mapping of this number or a higher one.
void modules_forget_from(struct modules *modules, uint32_t mapping);

// The ledger's mapping for pc; 0 if it is in none of the executable ranges.
uint32_t module_mapping(const struct module *module, uintptr_t pc);

// The memory range of the module that holds pc, without entering it anywhere.
bool module_range(uintptr_t pc, uintptr_t *start, uintptr_t *limit);

#endif
