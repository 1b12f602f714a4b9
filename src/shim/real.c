// SPDX-License-Identifier: Apache-2.0
// What lies underneath.  INSIDE.
#include "shim/real.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "base/system.h"
#include "shim/shadow.h"
#include "shim/thread.h"
#include "unwind/modules.h"

// dlsym() itself may allocate (for its error message).  Such blocks come from here and are never
// given to an allocator; their pages are marked in the shadow, so that free() and realloc() look.
#define EARLY_BYTES 65536
#define EARLY_HEADER_BYTES 16
static _Alignas(4096) char early_memory[EARLY_BYTES];
static _Atomic size_t early_used;

static _Atomic uint32_t resolving_tid; // thread that looks the functions up, until it is done
static _Atomic uint32_t is_resolved;

static void *early_allocate(size_t size_bytes, size_t alignment)
{
	if (size_bytes > EARLY_BYTES || alignment > 4096)
		return NULL;
	alignment = alignment < EARLY_HEADER_BYTES ? EARLY_HEADER_BYTES : alignment;
	size_t start = atomic_load_explicit(&early_used, memory_order_relaxed), block;
	do {
		block = (start + EARLY_HEADER_BYTES + alignment - 1) & ~(alignment - 1);
		if (block + size_bytes > EARLY_BYTES)
			return NULL;
	} while (!atomic_compare_exchange_weak_explicit(&early_used, &start, block + size_bytes, memory_order_relaxed,
							memory_order_relaxed));
	memcpy(early_memory + block - sizeof(size_t), &size_bytes, sizeof(size_t));
	shadow_mark_for_good(early_memory + block);
	return early_memory + block;
}

bool real_is_early(const void *block)
{
	return (const char *)block >= early_memory && (const char *)block < early_memory + EARLY_BYTES;
}

size_t real_early_bytes(const void *block)
{
	size_t size_bytes;
	memcpy(&size_bytes, (const char *)block - sizeof(size_t), sizeof(size_t));
	return size_bytes;
}

// True if the caller may use the table; false if it is the thread that is looking the functions up.
static bool wait_until_resolved(void)
{
	real_resolve();
	return atomic_load_explicit(&is_resolved, memory_order_acquire);
}

static void *first_malloc(size_t size)
{
	return wait_until_resolved() ? real.malloc(size) : early_allocate(size, 16);
}

static void first_free(void *block)
{
	if (wait_until_resolved())
		real.free(block);
}

static void *first_calloc(size_t count, size_t size)
{
	if (wait_until_resolved())
		return real.calloc(count, size);
	size_t total;
	return __builtin_mul_overflow(count, size, &total) ? NULL : early_allocate(total, 16);
}

static void *first_realloc(void *block, size_t size)
{
	if (wait_until_resolved())
		return real.realloc(block, size);
	void *result = early_allocate(size, 16);
	if (result && block)
		memcpy(result, block, real_early_bytes(block) < size ? real_early_bytes(block) : size);
	return result;
}

static int first_posix_memalign(void **result, size_t alignment, size_t size)
{
	if (wait_until_resolved())
		return real.posix_memalign(result, alignment, size);
	*result = early_allocate(size, alignment);
	return *result ? 0 : ENOMEM;
}

static void *first_aligned_alloc(size_t alignment, size_t size)
{
	return wait_until_resolved() ? real.aligned_alloc(alignment, size) : early_allocate(size, alignment);
}

static void *first_memalign(size_t alignment, size_t size)
{
	return wait_until_resolved() ? real.memalign(alignment, size) : early_allocate(size, alignment);
}

static void *first_valloc(size_t size)
{
	return wait_until_resolved() ? real.valloc(size) : early_allocate(size, 4096);
}

static void *first_pvalloc(size_t size)
{
	return wait_until_resolved() ? real.pvalloc(size) : early_allocate((size + 4095) & ~4095UL, 4096);
}

struct real real = {
	.malloc = first_malloc,
	.free = first_free,
	.calloc = first_calloc,
	.realloc = first_realloc,
	.posix_memalign = first_posix_memalign,
	.aligned_alloc = first_aligned_alloc,
	.memalign = first_memalign,
	.valloc = first_valloc,
	.pvalloc = first_pvalloc,
};

// A function of one type read from dlsym(), whose type is another.
static void set(void *member, void *function)
{
	memcpy(member, &function, sizeof(function));
}

static void look_up_operators(struct real *found, void *library)
{
	uintptr_t start = 0, limit = 0;
	module_range((uintptr_t)found->malloc, &start, &limit);
#define X(member, symbol, result, parameters)             \
	set(&found->member, dlsym(library, symbol));      \
	found->owns_##member = (uintptr_t)found->member >= start && (uintptr_t)found->member < limit;
	SHIM_NEW_NAMES(X)
	SHIM_DELETE_NAMES(X)
#undef X
}

void real_resolve(void)
{
	uint32_t self = (uint32_t)system_tid(), nobody = 0;
	if (atomic_load_explicit(&is_resolved, memory_order_acquire))
		return;
	if (!atomic_compare_exchange_strong_explicit(&resolving_tid, &nobody, self, memory_order_acquire,
						     memory_order_relaxed)) {
		// Another thread's look-up is a matter of microseconds; our own is further down this stack.
		while (nobody != self && !atomic_load_explicit(&is_resolved, memory_order_acquire))
			system_yield();
		return;
	}
	int saved_errno = errno;
	bool was_own = thread.is_own;
	thread.is_own = true; // dlsym() may allocate
	struct real found = { 0 };
#define X(member, symbol, result, parameters) set(&found.member, dlsym(RTLD_NEXT, symbol));
	SHIM_ALLOCATION_NAMES(X)
	SHIM_CONTROL_NAMES(X)
#undef X
	if (dlsym(RTLD_NEXT, "_Znwm")) {
		look_up_operators(&found, RTLD_NEXT);
		found.has_operators = true;
	}
	real = found;
	thread.is_own = was_own;
	errno = saved_errno;
	// Pairs with the acquire loads above.
	atomic_store_explicit(&is_resolved, 1, memory_order_release);
}

// An address tells nothing: a program that is not position-independent has one of its own for malloc(), from
// which it jumps to whichever serves it.
bool real_is_reached(void)
{
	struct sampler before = thread.sampler;
	bool was_own = thread.is_own;
	void *(*called)(size_t) = dlsym(RTLD_DEFAULT, "malloc");
	thread.is_own = true;
	sampler_redraw(&thread.sampler);
	thread.num_own = 0;
	void *block = called(1);
	bool is_reached = thread.num_own != 0;
	void (*give_back)(void *) = dlsym(RTLD_DEFAULT, "free");
	give_back(block);
	thread.is_own = was_own;
	thread.sampler = before;
	return is_reached;
}

void real_probe_operators(void)
{
	struct sampler before = thread.sampler;
	bool was_own = thread.is_own;
	thread.is_own = true;
#define PROBE(member, ...)                                       \
	if (real.owns_##member) {                                \
		sampler_redraw(&thread.sampler);                 \
		thread.num_own = 0;                              \
		void *block = real.member(__VA_ARGS__);          \
		real.owns_##member = thread.num_own == 0;        \
		real.free(block);                                \
	}
	PROBE(new_plain, 64)
	PROBE(new_array, 64)
	PROBE(new_nothrow, 64, &before)
	PROBE(new_array_nothrow, 64, &before)
	PROBE(new_aligned, 64, 64)
	PROBE(new_array_aligned, 64, 64)
	PROBE(new_aligned_nothrow, 64, 64, &before)
	PROBE(new_array_aligned_nothrow, 64, 64, &before)
#undef PROBE
	thread.is_own = was_own;
	thread.sampler = before;
}

// The program has no C++ operators in its global scope, yet something calls ours: a plugin whose C++
// library came with it.  That library stays loaded from now on.
void real_resolve_operators(void)
{
	static const char *const libraries[] = { "libstdc++.so.6", "libc++.so.1" };
	int saved_errno = errno;
	bool was_own = thread.is_own;
	thread.is_own = true;
	for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]) && !real.has_operators; i++) {
		void *library = dlopen(libraries[i], RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
		if (!library)
			continue;
		look_up_operators(&real, library);
		real.has_operators = real.new_plain != NULL && real.delete_plain != NULL;
	}
	thread.is_own = was_own;
	errno = saved_errno;
}
