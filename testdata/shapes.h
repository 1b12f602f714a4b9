// SPDX-License-Identifier: Apache-2.0
/*
 * Shapes: functions with frames of many kinds, which call one another at random and so grow trees of calls.
 *
 * shapes.c is compiled twice, with frame pointers and without; the trees go through both.  A tree depends on nothing but
 * the seed in struct shapes, of which each thread, coroutine and signal handler has its own.
 */
#ifndef TESTDATA_SHAPES_H
#define TESTDATA_SHAPES_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shapes {
	uint64_t random; // not 0
	long num_leaves; // still to come; none, and everything returns
	void (*leaf)(struct shapes *shapes); // called at the tips
	void (*extra)(struct shapes *shapes, int depth); // one more shape, of the caller's; NULL: none
	bool can_jump;     // leaves may be left by longjmp()
	jmp_buf *landing;  // where to; NULL: nowhere now
	int sorting_depth; // of the tree that grows in qsort(); below 0: it has grown
};

// A tree of that height at most.
void shapes_grow(struct shapes *shapes, int height);

// A number of [0, below): xorshift.
static inline uint64_t shapes_random(struct shapes *shapes, uint64_t below)
{
	shapes->random ^= shapes->random << 13;
	shapes->random ^= shapes->random >> 7;
	shapes->random ^= shapes->random << 17;
	return (shapes->random >> 11) % below;
}

// Of shapes.c.  The last ones are such as end the reuse of a walk.
enum { NUM_SHAPES = 11, NUM_PLAIN_SHAPES = 9 };
extern void (*const shapes_framed[NUM_SHAPES])(struct shapes *shapes, int depth);
extern void (*const shapes_omitting[NUM_SHAPES])(struct shapes *shapes, int depth);

#ifdef __cplusplus
}
#endif

#endif
