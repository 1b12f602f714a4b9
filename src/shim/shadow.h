// SPDX-License-Identifier: Apache-2.0
/*
 * Shadow: one byte for each KiB of the address space, folded into 4 MiB, that counts the recorded
 * blocks which start there.  Nearly every free() sees a zero and has nothing else to do.
 *
 * INSIDE, any thread.  The memory is reserved, not used: only what is written takes any, and what is
 * read is the kernel's one page of zeros.  All accesses are relaxed: the thread that frees a block
 * got it from the thread that allocated it, and what it got it by orders the two accesses.
 */
#ifndef CAIRN_SHIM_SHADOW_H
#define CAIRN_SHIM_SHADOW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SHADOW_BYTES (1UL << 22)
#define SHADOW_STUCK 255 // too many to count: never goes down again

extern _Atomic uint8_t shadow[SHADOW_BYTES] __attribute__((visibility("hidden")));

static inline _Atomic uint8_t *shadow_of(const void *block)
{
	return &shadow[(uint32_t)(uintptr_t)block >> 10];
}

// False: no recorded block starts at this address.
static inline bool shadow_may_hold(const void *block)
{
	bool is_marked; // by one instruction, which compilers do not make of an atomic load
	__asm__("cmpb $0, %1" : "=@ccne"(is_marked) : "m"(*(const char *)shadow_of(block)));
	return is_marked;
}

static inline void shadow_mark_for_good(const void *block)
{
	if (atomic_load_explicit(shadow_of(block), memory_order_relaxed) != SHADOW_STUCK)
		atomic_store_explicit(shadow_of(block), SHADOW_STUCK, memory_order_relaxed);
}

static inline void shadow_add(const void *block)
{
	uint8_t count = atomic_load_explicit(shadow_of(block), memory_order_relaxed);
	while (count != SHADOW_STUCK &&
	       !atomic_compare_exchange_weak_explicit(shadow_of(block), &count, (uint8_t)(count + 1),
						      memory_order_relaxed, memory_order_relaxed))
		;
}

static inline void shadow_remove(const void *block)
{
	uint8_t count = atomic_load_explicit(shadow_of(block), memory_order_relaxed);
	while (count != SHADOW_STUCK && count != 0 &&
	       !atomic_compare_exchange_weak_explicit(shadow_of(block), &count, (uint8_t)(count - 1),
						      memory_order_relaxed, memory_order_relaxed))
		;
}

#endif
