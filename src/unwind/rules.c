// SPDX-License-Identifier: Apache-2.0
/*
 * Rules.  INSIDE.
 *
 * A slot is a key and a value.  The writer, of which there is one at a time, clears the key, writes the
 * value, sets the key.  A reader takes the value as good if the key was right before and after it was
 * read.  A key is the address with the lower half of the epoch in its upper 16 bits, where user space addresses
 * have nothing, and below them a bit for exact ones.  Before that half comes back all keys are cleared.
 *
 * Code changes only while a module is being closed and another opened in its place.  A thread has no
 * frames in a module that is being closed, so rules that it found before remain right for its own
 * stack.  While dlclose() runs nothing is filled in, and before it returns everything is forgotten: no
 * rule of the closed module survives into the time when something else is there, but for the microseconds between
 * the loader's letting go and our forgetting, if another thread opens something meanwhile.  Libraries that libc
 * closes by itself do not pass here, nor does generated code in whose place a library is opened; modules_find() notices
 * when it meets the successor of a library.
 */
#include "unwind/rules.h"

#include <string.h>

#include "base/system.h"
#include "ledger/tree.h"

#define WAYS 4
#define MAX_GENERAL 16384
#define KEY_EPOCH_BITS 16
#define EXACT_BIT (UINT64_C(1) << 47)

struct rule_slot {
	_Atomic uint64_t key;
	_Atomic uint64_t value;
};

bool rules_init(struct rules *rules, uint64_t num_slots)
{
	rules->slots = system_map(num_slots * sizeof(struct rule_slot));
	rules->num_slots = num_slots;
	rules->general = system_map(MAX_GENERAL * sizeof(struct cfi_rule));
	atomic_store_explicit(&rules->epoch, 1, memory_order_relaxed);
	return modules_init(&rules->modules) && rules->slots && rules->general;
}

// Wait for the lock for a second at most: its holder may have been put to sleep.
static bool lock(struct rules *rules)
{
	uint32_t self = (uint32_t)system_tid(), holder = 0;
	for (int i = 0; i < 1100; i++) {
		holder = 0;
		// Acquire: pairs with the release in unlock().
		if (atomic_compare_exchange_strong_explicit(&rules->lock, &holder, self, memory_order_acquire,
							    memory_order_relaxed))
			return true;
		if (i < 100) {
			system_relax();
			continue;
		}
		// Sequentially consistent: either unlock() sees us waiting, or we see that the lock is free.
		atomic_fetch_add(&rules->num_waiting, 1);
		system_wait(&rules->lock, holder, 1000000);
		atomic_fetch_sub(&rules->num_waiting, 1);
		// A thread that was cancelled in the middle never gives the lock back.
		bool is_gone = i % 100 == 99 && system_call3(SYS_tgkill, system_pid(), holder, 0) == -3 /* ESRCH */;
		if (is_gone && atomic_compare_exchange_strong_explicit(&rules->lock, &holder, self, memory_order_acquire,
								       memory_order_relaxed))
			return true;
	}
	return false;
}

static void unlock(struct rules *rules)
{
	// Pairs with the acquire in lock().
	atomic_store(&rules->lock, 0);
	if (atomic_load(&rules->num_waiting))
		system_wake(&rules->lock);
}

// A line of slots.  Places near each other share one, which is what is in the cache; those that find no room there have
// another one, for each place its own.
static struct rule_slot *near_slots_of(struct rules *rules, uintptr_t pc)
{
	return &rules->slots[ledger_hash(pc >> 6, rules->num_slots / WAYS) * (uint64_t)WAYS];
}

static struct rule_slot *far_slots_of(struct rules *rules, uintptr_t pc)
{
	return &rules->slots[ledger_hash(pc, rules->num_slots / WAYS) * (uint64_t)WAYS];
}

static uint64_t key_of(struct rules *rules, uintptr_t pc, bool is_exact)
{
	uint64_t epoch = atomic_load_explicit(&rules->epoch, memory_order_relaxed);
	return epoch << (64 - KEY_EPOCH_BITS) | (is_exact ? EXACT_BIT : 0) | pc;
}

static bool find_in(struct rule_slot *slots, uint64_t key, struct place *place)
{
	for (int i = 0; i < WAYS; i++) {
		// Pairs with the release of the key in fill().
		if (atomic_load_explicit(&slots[i].key, memory_order_acquire) != key)
			continue;
		// Acquire: the key is loaded again after the value; pairs with the fence in fill().
		uint64_t value = atomic_load_explicit(&slots[i].value, memory_order_acquire);
		if (atomic_load_explicit(&slots[i].key, memory_order_relaxed) != key)
			continue;
		_Static_assert(sizeof(*place) == sizeof(value), "a place is one word");
		memcpy(place, &value, sizeof(value));
		return true;
	}
	return false;
}

static bool find(struct rules *rules, uint64_t key, uintptr_t pc, struct place *place)
{
	return find_in(near_slots_of(rules, pc), key, place) || find_in(far_slots_of(rules, pc), key, place);
}

// One that holds nothing of this epoch; NULL if all do.
static struct rule_slot *free_slot(struct rule_slot *slots, uint64_t epoch)
{
	for (int i = 0; i < WAYS; i++)
		if (atomic_load_explicit(&slots[i].key, memory_order_relaxed) >> (64 - KEY_EPOCH_BITS) != epoch)
			return &slots[i];
	return NULL;
}

static void fill(struct rules *rules, uint64_t key, uintptr_t pc, const struct place *place)
{
	uint64_t epoch = key >> (64 - KEY_EPOCH_BITS);
	struct rule_slot *far = far_slots_of(rules, pc), *slot = free_slot(near_slots_of(rules, pc), epoch);
	slot = slot ? slot : free_slot(far, epoch);
	slot = slot ? slot : &far[system_ticks() % WAYS];
	uint64_t value;
	memcpy(&value, place, sizeof(value));
	atomic_store_explicit(&slot->key, 0, memory_order_relaxed);
	// Whoever reads the new value sees that the old key is gone: pairs with the acquire of the value in find().
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&slot->value, value, memory_order_relaxed);
	// Pairs with the acquire of the key in find().
	atomic_store_explicit(&slot->key, key, memory_order_release);
}

// The number of a rule in the side table; MAX_GENERAL if it is full.  There are few different ones.
static uint32_t keep_general(struct rules *rules, const struct cfi_rule *rule)
{
	uint32_t i = 0;
	while (i < rules->num_general && memcmp(&rules->general[i], rule, sizeof(*rule)) != 0)
		i++;
	if (i == rules->num_general && i < MAX_GENERAL)
		rules->general[rules->num_general++] = *rule;
	return i;
}

static bool is_plain(const struct cfi_rule *rule)
{
	const struct cfi_value *cfa = &rule->cfa, *return_at = &rule->return_at, *rbp = &rule->rbp_at;
	return !rule->is_signal && !cfa->is_loaded && cfa->offset >= 0 && cfa->offset % 8 == 0 &&
	       cfa->offset / 8 < 1 << 17 && (cfa->base == CFI_RSP || cfa->base == CFI_RBP) &&
	       return_at->base == CFI_CFA && return_at->offset == -8 &&
	       (rule->keeps_rbp || (rbp->base == CFI_CFA && rbp->offset < 0 && rbp->offset % 8 == 0 &&
				    -rbp->offset / 8 < 1 << 12));
}

static struct rule pack(struct rules *rules, const struct cfi_rule *rule)
{
	if (rule->kind == CFI_UNKNOWN)
		return (struct rule){ .kind = RULE_UNKNOWN };
	if (rule->kind == CFI_END)
		return (struct rule){ .kind = RULE_END };
	if (is_plain(rule))
		return (struct rule){ .kind = rule->cfa.base == CFI_RSP ? RULE_RSP : RULE_RBP,
				      .cfa = (uint32_t)rule->cfa.offset / 8 & 0x1ffff,
				      .rbp = rule->keeps_rbp ? 0 : (uint32_t)(-rule->rbp_at.offset / 8) & 0xfff };
	uint32_t number = keep_general(rules, rule);
	if (number == MAX_GENERAL)
		return (struct rule){ .kind = RULE_UNKNOWN };
	return (struct rule){ .kind = RULE_GENERAL, .cfa = number & 0x1ffff };
}

static void forget_all(struct rules *rules)
{
	uint32_t epoch = atomic_load_explicit(&rules->epoch, memory_order_relaxed) + 1;
	if (epoch % (1U << KEY_EPOCH_BITS) == 0) {
		for (uint64_t i = 0; i < rules->num_slots; i++)
			atomic_store_explicit(&rules->slots[i].key, 0, memory_order_relaxed);
		epoch++; // so that no key is 0
	}
	// Relaxed: a thread that still takes a rule of the old epoch has no frame in what was closed.
	atomic_store_explicit(&rules->epoch, epoch, memory_order_relaxed);
}

// The address may be of anything at all, which AddressSanitizer would object to.
__attribute__((no_sanitize("address"))) bool rules_follows_call(uintptr_t return_address)
{
	static const int lengths[] = { 2, 3, 4, 6, 7 };
	const unsigned char *code = (const unsigned char *)return_address;
	if (return_address < 4096 || return_address >= EXACT_BIT || !system_can_read(return_address - 7 - 8) ||
	    !system_can_read(return_address - 8))
		return false;
	if (code[-5] == 0xe8)
		return true;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		if (code[-lengths[i]] == 0xff && (code[-lengths[i] + 1] & 0x38) == 0x10)
			return true;
	return false;
}

static struct place read_place(struct rules *rules, struct ledger *ledger, const struct module *module, uintptr_t pc,
			       bool is_exact)
{
	bool is_closing = atomic_load_explicit(&rules->num_closing, memory_order_relaxed);
	struct cfi_rule rule = { .kind = CFI_UNKNOWN };
	uint32_t mapping = 0;
	if (module) {
		mapping = module_mapping(module, pc);
		rule = cfi_find_rule(&module->cfi, pc, !is_closing);
	}
	// The kernel's return address of a signal handler follows no call either.
	if (module && !is_exact && !rule.is_signal && !rules_follows_call(pc + 1)) {
		pc++;
		rule.kind = CFI_END;
	}
	return (struct place){ .frame = tree_get_frame(ledger, mapping, pc), .rule = pack(rules, &rule) };
}

bool rules_find(struct rules *rules, struct ledger *ledger, uintptr_t pc, bool is_exact, struct place *place)
{
	*place = (struct place){ 0 };
	if (pc >= EXACT_BIT)
		return true; // not an address of user space
	uint64_t key = key_of(rules, pc, is_exact);
	if (find(rules, key, pc, place))
		return true;
	if (!lock(rules))
		return false;
	bool is_changed = false;
	const struct module *module = modules_find(&rules->modules, ledger, pc, &is_changed);
	if (is_changed)
		forget_all(rules);
	*place = read_place(rules, ledger, module, pc, is_exact);
	key = key_of(rules, pc, is_exact);
	if (place->frame && !atomic_load_explicit(&rules->num_closing, memory_order_relaxed))
		fill(rules, key, pc, place);
	unlock(rules);
	return true;
}

void rules_recent_begin(struct rules_recent *recent, const struct rules *rules)
{
	uint32_t epoch = rules_epoch(rules);
	if (recent->epoch == epoch)
		return;
	memset(recent, 0, sizeof(*recent));
	recent->epoch = epoch;
}

// If the epoch changes in the middle of a walk, what was found before it is forgotten at the next one; for the stack that
// is walked it is right, see above.
bool rules_find_anew(struct rules *rules, struct rules_recent *recent, struct ledger *ledger, uintptr_t pc, struct place *place)
{
	if (!rules_find(rules, ledger, pc, false, place))
		return false;
	size_t i = (pc ^ pc >> 9) % RULES_NUM_RECENT;
	if (place->frame && !atomic_load_explicit(&rules->num_closing, memory_order_relaxed)) {
		recent->found[i].pc = pc;
		recent->found[i].place = *place;
	}
	return true;
}

void rules_begin_close(struct rules *rules)
{
	atomic_fetch_add_explicit(&rules->num_closing, 1, memory_order_relaxed);
	// Whoever is reading a module's memory unchecked has the lock, and is done when we have had it.
	if (lock(rules))
		unlock(rules);
}

void rules_end_close(struct rules *rules)
{
	bool has_lock = lock(rules);
	rules->modules.generation++;
	forget_all(rules);
	atomic_fetch_sub_explicit(&rules->num_closing, 1, memory_order_relaxed);
	if (has_lock)
		unlock(rules);
}

void rules_after_adoption(struct rules *rules, uint32_t num_mappings)
{
	modules_forget_from(&rules->modules, num_mappings);
	forget_all(rules);
}

void rules_after_fork(struct rules *rules)
{
	atomic_store_explicit(&rules->lock, 0, memory_order_relaxed);
	atomic_store_explicit(&rules->num_waiting, 0, memory_order_relaxed);
	atomic_store_explicit(&rules->num_closing, 0, memory_order_relaxed);
}
