// SPDX-License-Identifier: Apache-2.0
/*
 * Rules: for each place in the code that was met on a stack, its frame in the ledger and how to find
 * the caller's.  Call-frame information is read once for each such place, and remembered here.
 *
 * INSIDE, any number of threads at once, signal handlers too.  Looking up is lock-free; filling in
 * takes a lock, for some microseconds, that no thread waits for without bound.
 */
#ifndef CAIRN_UNWIND_RULES_H
#define CAIRN_UNWIND_RULES_H

#include "ledger/ledger.h"
#include "unwind/cfi.h"
#include "unwind/modules.h"

// A rule in 32 bits; what does not fit is in a table on the side.
enum rule_kind {
	RULE_UNKNOWN,
	RULE_END,
	RULE_RSP,     // CFA = rsp + cfa * 8, return address at CFA - 8
	RULE_RBP,     // CFA = rbp + cfa * 8, return address at CFA - 8
	RULE_GENERAL, // number cfa of the side table
};

struct rule {
	uint32_t kind : 3;
	uint32_t cfa : 17;
	uint32_t rbp : 12; // the caller's rbp is at CFA - rbp * 8; 0: it is this frame's
};

struct place {
	uint32_t frame; // in the ledger; 0: the ledger is full
	struct rule rule;
};

struct rules {
	struct rule_slot *slots;
	uint64_t num_slots; // a power of 2
	struct cfi_rule *general;
	uint32_t num_general;
	_Atomic uint32_t lock;      // tid of its holder
	_Atomic uint32_t num_waiting; // threads asleep for the lock
	_Atomic uint32_t epoch;     // slots of another epoch are void
	_Atomic uint32_t num_closing; // threads within dlclose(): the code may be changing
	struct modules modules;
};

// False if there is no memory.  num_slots: a power of 2, 16 bytes each.
bool rules_init(struct rules *rules, uint64_t num_slots);

// Changes whenever rules or frames found before may not be right any more.
static inline uint32_t rules_epoch(const struct rules *rules)
{
	return atomic_load_explicit(&rules->epoch, memory_order_relaxed);
}

// What one thread at a time found last: in its own cache, where the table is too large for it.  Zeroed at the start.
#define RULES_NUM_RECENT 512 // a power of 2

struct rules_recent {
	uint32_t epoch; // in which all was found
	struct {
		uintptr_t pc; // return address - 1; 0: nothing
		struct place place;
	} found[RULES_NUM_RECENT];
};

// The place for pc, which is a return address - 1 or, for an interrupted frame, exact.  False if the
// lock was not to be had.
//
// A return address without a call before it was put there by hand, as the end of a stack (makecontext,
// Go's goexit): its place is the outermost frame.
bool rules_find(struct rules *rules, struct ledger *ledger, uintptr_t pc, bool is_exact, struct place *place);

// Before a walk: forget what may not be right any more.
void rules_recent_begin(struct rules_recent *recent, const struct rules *rules);

// The same for what is not exact, from what was found last or into it.
bool rules_find_anew(struct rules *rules, struct rules_recent *recent, struct ledger *ledger, uintptr_t pc, struct place *place);

static inline bool rules_find_again(struct rules *rules, struct rules_recent *recent, struct ledger *ledger, uintptr_t pc,
				    struct place *place)
{
	size_t i = (pc ^ pc >> 9) % RULES_NUM_RECENT;
	if (__builtin_expect(recent->found[i].pc != pc, 0))
		return rules_find_anew(rules, recent, ledger, pc, place);
	*place = recent->found[i].place;
	return true;
}

// True if what precedes a return address is a call: direct (e8 and four bytes), or indirect (ff /2 with
// an operand of 1 to 6 bytes).  Intel SDM, volume 2, CALL.
bool rules_follows_call(uintptr_t return_address);

// Around dlclose().  In between nothing is remembered; afterwards all is forgotten.
void rules_begin_close(struct rules *rules);
void rules_end_close(struct rules *rules);

// In a forked child that has got its own ledger, with that many mappings: forget every frame, since the
// parent may have entered some after the child's ledger was copied.
void rules_after_adoption(struct rules *rules, uint32_t num_mappings);

// In a forked child: a lock held by a thread of the parent is free.
void rules_after_fork(struct rules *rules);

#endif
