// SPDX-License-Identifier: Apache-2.0
// Shapes.  SHAPES is the name of the table.
#include "shapes.h"

#include <alloca.h>
#include <stdlib.h>

#include "truth.h"

// Multiples of 16 bytes, few different ones: frames of other sizes often end at the same place.
static size_t any_size(struct shapes *shapes)
{
	return 16 * (size_t)shapes_random(shapes, 6);
}

SITE static void small(struct shapes *shapes, int depth)
{
	shapes_grow(shapes, depth);
	__asm__ volatile("");
}

SITE static void large(struct shapes *shapes, int depth)
{
	volatile char space[3000];
	space[depth] = 1;
	shapes_grow(shapes, depth);
	space[depth + 1] = space[depth];
}

SITE static void variable(struct shapes *shapes, int depth)
{
	volatile char *space = alloca(any_size(shapes) + 1);
	space[0] = 1;
	shapes_grow(shapes, depth);
	space[0] = 2;
}

SITE static void many_registers(struct shapes *shapes, int depth)
{
	uint64_t a = shapes_random(shapes, 9), b = shapes_random(shapes, 9), c = shapes_random(shapes, 9), d = shapes_random(shapes, 9);
	uint64_t e = (uint64_t)&a + 8 * b;
	shapes_grow(shapes, depth);
	__asm__ volatile("" ::"r"(a), "r"(b), "r"(c), "r"(d), "r"(e));
}

// Frames that look alike, any number of them.
SITE static void repeated(struct shapes *shapes, int depth)
{
	if (shapes_random(shapes, 4))
		repeated(shapes, depth);
	else
		shapes_grow(shapes, depth);
	__asm__ volatile("");
}

SITE static void moving(struct shapes *shapes, int depth, size_t size)
{
	volatile char *space = alloca(size + 1);
	space[0] = 1;
	if (size >= 16 && shapes_random(shapes, 2))
		moving(shapes, depth, size - 16);
	else
		small(shapes, depth);
	space[0] = 2;
}

// Recursion with frames that move while what they call stays where it is.
SITE static void varying(struct shapes *shapes, int depth)
{
	moving(shapes, depth, any_size(shapes));
	__asm__ volatile("");
}

// The same function on the same stack from one of two places.
SITE static void either(struct shapes *shapes, int depth)
{
	if (shapes_random(shapes, 2)) {
		small(shapes, depth);
		__asm__ volatile("nop");
	} else {
		small(shapes, depth);
		__asm__ volatile("nop; nop");
	}
}

static int by_growing(const void *a, const void *b, void *argument)
{
	struct shapes *shapes = argument;
	int depth = shapes->sorting_depth;
	shapes->sorting_depth = -1;
	if (depth >= 0)
		shapes_grow(shapes, depth);
	return (a > b) - (a < b);
}

SITE static void library(struct shapes *shapes, int depth)
{
	int numbers[3] = {3, 2, 1};
	shapes->sorting_depth = depth;
	qsort_r(numbers, 3, sizeof(numbers[0]), by_growing, shapes);
}

SITE static void landing(struct shapes *shapes, int depth)
{
	jmp_buf here, *volatile before = shapes->landing;
	shapes->landing = &here;
	if (!setjmp(here))
		shapes_grow(shapes, depth);
	shapes->landing = before;
}

SITE static void realigned(struct shapes *shapes, int depth)
{
	volatile char space[64] __attribute__((aligned(64)));
	volatile char *more = alloca(any_size(shapes) + 1);
	space[0] = more[0] = 1;
	shapes_grow(shapes, depth);
	space[1] = more[0] = space[0];
}

SITE __attribute__((force_align_arg_pointer)) static void realigning(struct shapes *shapes, int depth)
{
	volatile char space[32] __attribute__((aligned(32)));
	space[0] = 1;
	shapes_grow(shapes, depth);
	space[1] = space[0];
}

void (*const SHAPES[NUM_SHAPES])(struct shapes *, int) = {small,   large,   variable, many_registers, repeated, varying,
                                                          either,  library, landing,  realigned,      realigning};
