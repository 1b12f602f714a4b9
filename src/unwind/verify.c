// SPDX-License-Identifier: Apache-2.0
// Verification: each stack compared with what libunwind makes of it.  INSIDE.
#include "unwind/verify.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdatomic.h>
#include <string.h>

#define UNW_LOCAL_ONLY
#include <libunwind.h>

#include "unwind/modules.h"

// libunwind's functions and data for the local process, by the names behind the macros of libunwind.h.
static struct {
	int (*get_context)(unw_context_t *);
	int (*init_local)(unw_cursor_t *, unw_context_t *);
	int (*step)(unw_cursor_t *);
	int (*get_reg)(unw_cursor_t *, int, unw_word_t *);
	void (*flush_cache)(unw_addr_space_t, unw_word_t, unw_word_t);
	unw_addr_space_t *address_space;
} unwind;

static uintptr_t own_start, own_limit; // cairn's own code, of which walks leave the frames out

bool verify_init(void)
{
	static const struct {
		const char *name;
		void *member;
	} symbols[] = {
		{ "_Ux86_64_getcontext", &unwind.get_context },
		{ "_ULx86_64_init_local", &unwind.init_local },
		{ "_ULx86_64_step", &unwind.step },
		{ "_ULx86_64_get_reg", &unwind.get_reg },
		{ "_Ux86_64_flush_cache", &unwind.flush_cache },
		{ "_ULx86_64_local_addr_space", &unwind.address_space },
	};
	void *library = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return false;
	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		void *symbol = dlsym(library, symbols[i].name);
		if (!symbol)
			return false;
		memcpy(symbols[i].member, &symbol, sizeof(symbol));
	}
	return module_range((uintptr_t)verify_init, &own_start, &own_limit);
}

static int read_num_closed(struct dl_phdr_info *info, size_t size, void *num_closed)
{
	(void)size;
	*(unsigned long long *)num_closed = info->dlpi_subs;
	return 1;
}

// libunwind remembers the rules of libraries that were closed, for others in their places too.
static void flush_if_closed(void)
{
	static _Atomic unsigned long long num_seen;
	unsigned long long num_closed = 0;
	dl_iterate_phdr(read_num_closed, &num_closed);
	if (atomic_exchange_explicit(&num_seen, num_closed, memory_order_relaxed) != num_closed)
		unwind.flush_cache(*unwind.address_space, 0, 0);
}

// The next frame's address that is not of cairn's code; 0 if there is none.
static unw_word_t step(unw_cursor_t *cursor)
{
	unw_word_t pc = 0;
	do {
		if (unwind.step(cursor) <= 0 || unwind.get_reg(cursor, UNW_REG_IP, &pc) != 0)
			return 0;
	} while (pc >= own_start && pc < own_limit);
	return pc;
}

#pragma GCC diagnostic ignored "-Wframe-larger-than=" // of libunwind's making, and only while verifying

// Compare from the caller of the interposed function on.  A frame that libunwind guessed without
// call-frame information counts like any other: differences are to be looked at.
static bool is_same(struct ledger *ledger, const struct walk *walk, const struct origin *origin)
{
	unw_context_t context;
	unw_cursor_t cursor;
	unw_word_t pc = 0;
	if (unwind.get_context(&context) != 0 || unwind.init_local(&cursor, &context) != 0)
		return false;
	do {
		pc = step(&cursor);
	} while (pc && pc != origin->pc);
	for (size_t i = 0; i < walk->num_frames; i++) {
		uint64_t address = ledger->frames[walk->frames[i]].address;
		if (address != pc && address + 1 != pc)
			return false;
		pc = step(&cursor);
	}
	return pc == 0 || walk->end == WALK_TRUNCATED;
}

void verify_stack(struct ledger *ledger, const struct walk *walk, const struct origin *origin)
{
	int saved_errno = errno;
	if (walk->end != WALK_FULL) {
		ledger_count(ledger, LEDGER_COUNTER_verified_stacks, 1);
		flush_if_closed();
		if (!is_same(ledger, walk, origin))
			ledger_count(ledger, LEDGER_COUNTER_differing_stacks, 1);
	}
	errno = saved_errno;
}
