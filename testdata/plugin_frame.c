// SPDX-License-Identifier: Apache-2.0
// A plugin with a frame of FRAME_BYTES, a number whose instructions have the same length for all.
#include "shapes.h"
#include "truth.h"

void plugin_frame(struct shapes *shapes);

SITE void plugin_frame(struct shapes *shapes)
{
	volatile char space[FRAME_BYTES];
	space[0] = 1;
	shapes->leaf(shapes);
	space[1] = space[0];
}
