// SPDX-License-Identifier: Apache-2.0
// Growing: what shapes call next.
#include "shapes.h"

#include <stddef.h>

#include "truth.h"

SITE static void end(struct shapes *shapes)
{
	shapes->num_leaves--;
	shapes->leaf(shapes);
	if (shapes->can_jump && shapes->landing && shapes_random(shapes, 16) == 0)
		longjmp(*shapes->landing, 1);
}

static void (*any(struct shapes *shapes))(struct shapes *, int)
{
	uint64_t number = shapes_random(shapes, 64);
	if (number < 2 && shapes->extra)
		return shapes->extra;
	number = number < 4 ? NUM_PLAIN_SHAPES + number % 2 : shapes_random(shapes, NUM_PLAIN_SHAPES);
	return shapes_random(shapes, 2) ? shapes_framed[number] : shapes_omitting[number];
}

SITE void shapes_grow(struct shapes *shapes, int height)
{
	for (uint64_t i = 1 + shapes_random(shapes, 5) / 4; i > 0 && shapes->num_leaves > 0; i--) {
		if (height <= 0)
			end(shapes);
		else
			any(shapes)(shapes, height - 1); // one place that calls them all
	}
}
