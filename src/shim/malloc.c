// SPDX-License-Identifier: Apache-2.0
/*
 * The interposed C allocation functions.  INSIDE: this is the way that every allocation of the program
 * takes.
 *
 * Each function has a fast path (a subtraction or a look at one byte, then a jump to the real one) and,
 * out of line, a slow one for what is recorded.  The slow one is reached by a jump as well, so that its
 * caller is the program (ORIGIN()).
 */
#include <errno.h>
#include <stddef.h>

#include "shim/real.h"
#include "shim/record.h"
#include "shim/shadow.h"
#include "shim/thread.h"

#define EXPORT __attribute__((visibility("default")))
#define SLOW static __attribute__((noinline))

SLOW void *malloc_slow(size_t size)
{
	struct origin origin = ORIGIN();
	void *block = real.malloc(size);
	if (block)
		record_allocation(block, size, &origin);
	return block;
}

EXPORT void *malloc(size_t size)
{
	if (!sampler_skips(&thread.sampler, size))
		return malloc_slow(size);
	return real.malloc(size);
}

SLOW void *calloc_slow(size_t count, size_t size)
{
	struct origin origin = ORIGIN();
	void *block = real.calloc(count, size);
	if (block)
		record_allocation(block, count * size, &origin);
	return block;
}

EXPORT void *calloc(size_t count, size_t size)
{
	size_t total;
	if (__builtin_mul_overflow(count, size, &total) || sampler_skips(&thread.sampler, total))
		return real.calloc(count, size);
	return calloc_slow(count, size);
}

// An early block cannot be resized by any allocator: its contents move to a new one.
static void *move_early(void *block, size_t size)
{
	void *moved = real.malloc(size);
	size_t old_size = real_early_bytes(block);
	if (moved)
		__builtin_memcpy(moved, block, old_size < size ? old_size : size);
	return moved;
}

SLOW void *realloc_slow(void *block, size_t size)
{
	struct origin origin = ORIGIN();
	struct record_move move = { .block = { 0 } };
	void *moved;
	if (block && real_is_early(block)) {
		moved = move_early(block, size);
	} else {
		if (block && shadow_may_hold(block))
			record_begin_move(&move, block);
		moved = real.realloc(block, size);
		// Nothing returned for a size of 0 means freed, for any other one failed.
		record_end_move(&move, moved || size == 0);
	}
	if (moved)
		record_allocation(moved, size, &origin);
	return moved;
}

// What realloc_slow() does where the new block is not for the sample: the bytes have been subtracted.
SLOW void *realloc_known(void *block, size_t size)
{
	struct record_move move = { .block = { 0 } };
	if (real_is_early(block))
		return move_early(block, size);
	record_begin_move(&move, block);
	void *moved = real.realloc(block, size);
	record_end_move(&move, moved || size == 0);
	return moved;
}

EXPORT void *realloc(void *block, size_t size)
{
	if (!sampler_skips(&thread.sampler, size))
		return realloc_slow(block, size);
	if (shadow_may_hold(block) && block)
		return realloc_known(block, size);
	return real.realloc(block, size);
}

// As in glibc, a checked multiplication before the program's realloc(), which need not be ours.  Other
// allocators define it alike or not at all.
EXPORT void *reallocarray(void *block, size_t count, size_t size)
{
	size_t total;
	if (__builtin_mul_overflow(count, size, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(block, total);
}

SLOW void free_slow(void *block)
{
	if (!block || real_is_early(block))
		return;
	record_freeing(block);
	real.free(block);
}

EXPORT void free(void *block)
{
	if (__builtin_expect(shadow_may_hold(block), 0))
		return free_slow(block);
	real.free(block);
}

// C23, 7.24.3.4 and .5: the sizes are only a promise.  An allocator that has these functions is told,
// any other one frees.
EXPORT void free_sized(void *block, size_t size)
{
	if (__builtin_expect(shadow_may_hold(block), 0)) {
		if (!block || real_is_early(block))
			return;
		record_freeing(block);
	}
	real.free_sized ? real.free_sized(block, size) : real.free(block);
}

EXPORT void free_aligned_sized(void *block, size_t alignment, size_t size)
{
	if (__builtin_expect(shadow_may_hold(block), 0)) {
		if (!block || real_is_early(block))
			return;
		record_freeing(block);
	}
	real.free_aligned_sized ? real.free_aligned_sized(block, alignment, size) : real.free(block);
}

SLOW int posix_memalign_slow(void **result, size_t alignment, size_t size)
{
	struct origin origin = ORIGIN();
	int error = real.posix_memalign(result, alignment, size);
	if (error == 0 && *result)
		record_allocation(*result, size, &origin);
	return error;
}

EXPORT int posix_memalign(void **result, size_t alignment, size_t size)
{
	if (!sampler_skips(&thread.sampler, size))
		return posix_memalign_slow(result, alignment, size);
	return real.posix_memalign(result, alignment, size);
}

// The functions of an alignment and a size.
#define DEFINE_ALIGNED(name)                                      \
	SLOW void *name##_slow(size_t alignment, size_t size)     \
	{                                                         \
		struct origin origin = ORIGIN();                  \
		void *block = real.name(alignment, size);         \
		if (block)                                        \
			record_allocation(block, size, &origin);  \
		return block;                                     \
	}                                                         \
	EXPORT void *name(size_t alignment, size_t size)          \
	{                                                         \
		if (!sampler_skips(&thread.sampler, size))        \
			return name##_slow(alignment, size);      \
		return real.name(alignment, size);                \
	}
DEFINE_ALIGNED(aligned_alloc)
DEFINE_ALIGNED(memalign)
#undef DEFINE_ALIGNED

// The functions of a size that align to pages.
#define DEFINE_PAGED(name)                                        \
	SLOW void *name##_slow(size_t size)                       \
	{                                                         \
		struct origin origin = ORIGIN();                  \
		void *block = real.name(size);                    \
		if (block)                                        \
			record_allocation(block, size, &origin);  \
		return block;                                     \
	}                                                         \
	EXPORT void *name(size_t size)                            \
	{                                                         \
		if (!sampler_skips(&thread.sampler, size))        \
			return name##_slow(size);                 \
		return real.name(size);                           \
	}
DEFINE_PAGED(valloc)
DEFINE_PAGED(pvalloc)
#undef DEFINE_PAGED
