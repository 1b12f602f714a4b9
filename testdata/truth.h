// SPDX-License-Identifier: Apache-2.0
/*
 * Truth: what a program knows about its own allocations, for the tests to compare a profile with.
 *
 * A program keeps one struct truth for each of its functions that allocate, and prints them at the
 * end as lines "site FUNCTION alloc_objects alloc_bytes inuse_objects inuse_bytes".  Bytes are bytes
 * as requested.  Nothing here allocates.  A struct truth belongs to one thread at a time.
 */
#ifndef TESTDATA_TRUTH_H
#define TESTDATA_TRUTH_H

#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

// A function that is a frame of its own in every build: the tests look for it by name.
#if defined(__clang__)
#define SITE __attribute__((noinline))
#else
#define SITE __attribute__((noipa))
#endif

struct truth {
	const char *function;
	long alloc_objects;
	long alloc_bytes;
	long inuse_objects;
	long inuse_bytes;
};

// The compiler may not know where the pointer comes from or goes to, so it cannot drop the allocation.
static inline void *truth_keep(void *pointer)
{
	__asm__ volatile("" : "+r"(pointer) : : "memory");
	return pointer;
}

static inline void truth_add(struct truth *truth, size_t size)
{
	truth->alloc_objects++;
	truth->alloc_bytes += (long)size;
	truth->inuse_objects++;
	truth->inuse_bytes += (long)size;
}

static inline void truth_remove(struct truth *truth, size_t size)
{
	truth->inuse_objects--;
	truth->inuse_bytes -= (long)size;
}

static inline void truth_print(const struct truth *truth)
{
	dprintf(STDOUT_FILENO, "site %s %ld %ld %ld %ld\n", truth->function, truth->alloc_objects,
	        truth->alloc_bytes, truth->inuse_objects, truth->inuse_bytes);
}

#endif
