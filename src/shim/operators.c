// SPDX-License-Identifier: Apache-2.0
/*
 * The interposed C++ operators.  INSIDE.
 *
 * libstdc++'s operators call malloc and free, which are counted where they arrive; the operators here
 * then only pass through.  jemalloc, tcmalloc and mimalloc bring operators that do not call malloc:
 * those are counted here.  And where a program in C has no C++ library in its global scope, a plugin
 * that brings one finds these first: they pass to the plugin's library.
 *
 * The real operators may throw, through frames of this file: it is compiled with unwind tables and
 * holds nothing while it calls them.
 */
#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/system.h"
#include "shim/real.h"
#include "shim/record.h"
#include "shim/shadow.h"
#include "shim/thread.h"

#define EXPORT __attribute__((visibility("default")))
#define SLOW static __attribute__((noinline))

// A plugin whose C++ library cannot be found, as when it is linked into it statically: what every C++
// library's operators come down to.  In want of memory an exception would have to be thrown, of a
// class that only the library has.
static void *allocate_plainly(size_t size, size_t alignment, bool may_fail)
{
	void *block = NULL;
	if (alignment <= 16)
		block = malloc(size ? size : 1);
	else if (posix_memalign(&block, alignment, size ? size : 1) != 0)
		block = NULL;
	if (!block && !may_fail)
		abort();
	return block;
}

// libstdc++'s operators ask malloc for one byte instead of none, and for a multiple of the alignment.
// record_allocation() enters what the program asked for.
static inline bool rounds(size_t size, size_t alignment)
{
	return size == 0 || (alignment && size % alignment);
}

static void note_rounding(size_t size, size_t alignment, const struct origin *origin)
{
	thread.rounding.sp = origin->sp;
	thread.rounding.asked_bytes = size;
	thread.rounding.most_bytes = size + (alignment ? alignment : 1);
}

#define DEFINE_NEW(symbol, member, may_fail, alignment, parameters, arguments)                  \
	SLOW void *member##_slow parameters                                                     \
	{                                                                                       \
		struct origin origin = ORIGIN();                                                \
		if (!real.member) {                                                             \
			real_resolve();                                                         \
			if (!real.member)                                                       \
				real_resolve_operators();                                       \
			if (!real.member)                                                       \
				return allocate_plainly(size, alignment, may_fail);             \
		}                                                                               \
		if (!real.owns_##member)                                                        \
			note_rounding(size, alignment, &origin);                                \
		void *block = real.member arguments;                                            \
		if (block && real.owns_##member)                                                \
			record_allocation(block, size, &origin);                                \
		return block;                                                                   \
	}                                                                                       \
	EXPORT void *member parameters __asm__(symbol);                                         \
	EXPORT void *member parameters                                                          \
	{                                                                                       \
		if (!real.member || (real.owns_##member ? !sampler_skips(&thread.sampler, size)    \
							: rounds(size, alignment)))             \
			return member##_slow arguments;                                         \
		return real.member arguments;                                                   \
	}

DEFINE_NEW("_Znwm", new_plain, false, 0, (size_t size), (size))
DEFINE_NEW("_Znam", new_array, false, 0, (size_t size), (size))
DEFINE_NEW("_ZnwmRKSt9nothrow_t", new_nothrow, true, 0, (size_t size, const void *tag), (size, tag))
DEFINE_NEW("_ZnamRKSt9nothrow_t", new_array_nothrow, true, 0, (size_t size, const void *tag), (size, tag))
DEFINE_NEW("_ZnwmSt11align_val_t", new_aligned, false, alignment, (size_t size, size_t alignment), (size, alignment))
DEFINE_NEW("_ZnamSt11align_val_t", new_array_aligned, false, alignment, (size_t size, size_t alignment),
	   (size, alignment))
DEFINE_NEW("_ZnwmSt11align_val_tRKSt9nothrow_t", new_aligned_nothrow, true, alignment,
	   (size_t size, size_t alignment, const void *tag), (size, alignment, tag))
DEFINE_NEW("_ZnamSt11align_val_tRKSt9nothrow_t", new_array_aligned_nothrow, true, alignment,
	   (size_t size, size_t alignment, const void *tag), (size, alignment, tag))

#define DEFINE_DELETE(symbol, member, parameters, arguments)                                    \
	SLOW void member##_slow parameters                                                      \
	{                                                                                       \
		if (!block || real_is_early(block))                                             \
			return;                                                                 \
		if (!real.member) {                                                             \
			real_resolve();                                                         \
			if (!real.member)                                                       \
				real_resolve_operators();                                       \
		}                                                                               \
		if (!real.member) {                                                             \
			free(block);                                                            \
			return;                                                                 \
		}                                                                               \
		if (real.owns_##member)                                                         \
			record_freeing(block);                                                  \
		real.member arguments;                                                          \
	}                                                                                       \
	EXPORT void member parameters __asm__(symbol);                                          \
	EXPORT void member parameters                                                           \
	{                                                                                       \
		if (!real.member || (real.owns_##member && shadow_may_hold(block)))         \
			return member##_slow arguments;                                         \
		real.member arguments;                                                          \
	}

DEFINE_DELETE("_ZdlPv", delete_plain, (void *block), (block))
DEFINE_DELETE("_ZdaPv", delete_array, (void *block), (block))
DEFINE_DELETE("_ZdlPvm", delete_sized, (void *block, size_t size), (block, size))
DEFINE_DELETE("_ZdaPvm", delete_array_sized, (void *block, size_t size), (block, size))
DEFINE_DELETE("_ZdlPvRKSt9nothrow_t", delete_nothrow, (void *block, const void *tag), (block, tag))
DEFINE_DELETE("_ZdaPvRKSt9nothrow_t", delete_array_nothrow, (void *block, const void *tag), (block, tag))
DEFINE_DELETE("_ZdlPvSt11align_val_t", delete_aligned, (void *block, size_t alignment), (block, alignment))
DEFINE_DELETE("_ZdaPvSt11align_val_t", delete_array_aligned, (void *block, size_t alignment), (block, alignment))
DEFINE_DELETE("_ZdlPvmSt11align_val_t", delete_sized_aligned, (void *block, size_t size, size_t alignment),
	      (block, size, alignment))
DEFINE_DELETE("_ZdaPvmSt11align_val_t", delete_array_sized_aligned, (void *block, size_t size, size_t alignment),
	      (block, size, alignment))
DEFINE_DELETE("_ZdlPvSt11align_val_tRKSt9nothrow_t", delete_aligned_nothrow,
	      (void *block, size_t alignment, const void *tag), (block, alignment, tag))
DEFINE_DELETE("_ZdaPvSt11align_val_tRKSt9nothrow_t", delete_array_aligned_nothrow,
	      (void *block, size_t alignment, const void *tag), (block, alignment, tag))
