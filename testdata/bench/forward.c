// SPDX-License-Identifier: Apache-2.0
/*
 * The measure for scripts/bench: a preloaded library that forwards the malloc family to the allocator
 * underneath and does nothing else.  What cairn costs beyond this is the profiler's own cost.
 *
 * Each function is one indirect tail call, without so much as a test.  The pointers begin at functions
 * that look up the real ones first; dlsym may allocate while it does, which an arena serves.  Only if
 * that happened does free() look whether a block is the arena's.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

// result, name, parameters, arguments
#define FUNCTIONS(X)                                                                                          \
	X(void *, malloc, (size_t size), (size))                                                              \
	X(void *, calloc, (size_t count, size_t size), (count, size))                                         \
	X(void *, realloc, (void *block, size_t size), (block, size))                                         \
	X(void *, reallocarray, (void *block, size_t count, size_t size), (block, count, size))               \
	X(int, posix_memalign, (void **block, size_t alignment, size_t size), (block, alignment, size))       \
	X(void *, aligned_alloc, (size_t alignment, size_t size), (alignment, size))                          \
	X(void *, memalign, (size_t alignment, size_t size), (alignment, size))                               \
	X(void *, valloc, (size_t size), (size))                                                              \
	X(void *, pvalloc, (size_t size), (size))                                                             \
	X(size_t, malloc_usable_size, (void *block), (block))

static void find_underneath(void);

#define DEFINE_FIRST(result, name, parameters, arguments)                                                     \
	static result first_##name parameters;                                                                \
	static result(*underneath_##name) parameters = first_##name;                                          \
	EXPORT result name parameters                                                                         \
	{                                                                                                     \
		return underneath_##name arguments;                                                           \
	}
FUNCTIONS(DEFINE_FIRST)
#undef DEFINE_FIRST

static void first_free(void *block);
static void (*underneath_free)(void *block) = first_free;
static void (*real_free)(void *block);

EXPORT void free(void *block)
{
	underneath_free(block);
}

static _Alignas(16) unsigned char arena[64 * 1024];
static size_t arena_used_bytes;
static bool is_looking_up;

// Zeroed, as calloc needs it: the arena is never given out twice.
static void *arena_allocate(size_t size)
{
	size_t room = (size + 15) & ~(size_t)15;
	if (room < size || room > sizeof(arena) - arena_used_bytes) {
		errno = ENOMEM;
		return NULL;
	}
	void *block = arena + arena_used_bytes;
	arena_used_bytes += room;
	return block;
}

static bool arena_owns(void *block)
{
	return (uintptr_t)block - (uintptr_t)arena < sizeof(arena);
}

static void free_unless_arena(void *block)
{
	if (!arena_owns(block))
		real_free(block);
}

static void *first_malloc(size_t size)
{
	if (is_looking_up)
		return arena_allocate(size);
	find_underneath();
	return underneath_malloc(size);
}

static void *first_calloc(size_t count, size_t size)
{
	size_t total;
	if (is_looking_up)
		return __builtin_mul_overflow(count, size, &total) ? NULL : arena_allocate(total);
	find_underneath();
	return underneath_calloc(count, size);
}

static void first_free(void *block)
{
	if (arena_owns(block) || is_looking_up)
		return;
	find_underneath();
	underneath_free(block);
}

// The rest is not called by dlsym, and nobody resizes what dlsym allocated.
static void *first_realloc(void *block, size_t size)
{
	find_underneath();
	return underneath_realloc(block, size);
}

static void *first_reallocarray(void *block, size_t count, size_t size)
{
	find_underneath();
	return underneath_reallocarray(block, count, size);
}

static int first_posix_memalign(void **block, size_t alignment, size_t size)
{
	find_underneath();
	return underneath_posix_memalign(block, alignment, size);
}

static void *first_aligned_alloc(size_t alignment, size_t size)
{
	find_underneath();
	return underneath_aligned_alloc(alignment, size);
}

static void *first_memalign(size_t alignment, size_t size)
{
	find_underneath();
	return underneath_memalign(alignment, size);
}

static void *first_valloc(size_t size)
{
	find_underneath();
	return underneath_valloc(size);
}

static void *first_pvalloc(size_t size)
{
	find_underneath();
	return underneath_pvalloc(size);
}

static size_t first_malloc_usable_size(void *block)
{
	find_underneath();
	return underneath_malloc_usable_size(block);
}

struct function {
	const char *name;
	void *pointer; // where the address of the real one goes
};

static const struct function functions[] = {
#define ENTRY(result, name, parameters, arguments) { #name, &underneath_##name },
	FUNCTIONS(ENTRY)
#undef ENTRY
	{ "free", &real_free },
};

#define NUM_FUNCTIONS (sizeof(functions) / sizeof(functions[0]))

// Runs before the program has a second thread: the loader or libc has always allocated by then.
static void find_underneath(void)
{
	void *found[NUM_FUNCTIONS];
	is_looking_up = true;
	for (size_t i = 0; i < NUM_FUNCTIONS; i++)
		found[i] = dlsym(RTLD_NEXT, functions[i].name);
	for (size_t i = 0; i < NUM_FUNCTIONS; i++)
		memcpy(functions[i].pointer, &found[i], sizeof(found[i]));
	underneath_free = arena_used_bytes ? free_unless_arena : real_free;
	is_looking_up = false;
}
