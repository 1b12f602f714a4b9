// SPDX-License-Identifier: Apache-2.0
/*
 * Grows to a peak, shrinks, and grows again to less.  Prints the truth at the end, and as lines "peak
 * FUNCTION objects bytes" what was live when the heap was largest.
 */
#include "truth.h"

#include <stdlib.h>

enum { NUM_BLOCKS = 200 };

static struct truth hills = {.function = "peak_hill"};
static struct truth bases = {.function = "peak_base"};
static struct truth laters = {.function = "peak_later"};

SITE static char *peak_base(size_t size)
{
	truth_add(&bases, size);
	return truth_keep(malloc(size));
}

SITE static char *peak_hill(size_t size)
{
	truth_add(&hills, size);
	return truth_keep(malloc(size));
}

SITE static char *peak_later(size_t size)
{
	truth_add(&laters, size);
	return truth_keep(malloc(size));
}

static void print_peak(const struct truth *truth)
{
	dprintf(STDOUT_FILENO, "peak %s %ld %ld\n", truth->function, truth->inuse_objects, truth->inuse_bytes);
}

int main(void)
{
	char *base[NUM_BLOCKS], *hill[NUM_BLOCKS];
	for (int i = 0; i < NUM_BLOCKS; i++)
		base[i] = peak_base(1000);
	for (int i = 0; i < NUM_BLOCKS / 2; i++) {
		free(base[i]);
		truth_remove(&bases, 1000);
	}
	for (int i = 0; i < NUM_BLOCKS; i++)
		hill[i] = peak_hill(50000);
	struct truth base_at_peak = bases, hill_at_peak = hills, later_at_peak = laters;

	for (int i = 0; i < NUM_BLOCKS; i++) {
		free(hill[i]);
		truth_remove(&hills, 50000);
	}
	for (int i = 0; i < NUM_BLOCKS / 2; i++)
		peak_later(40000);
	for (int i = 0; i < NUM_BLOCKS / 4; i++)
		peak_hill(20000);
	print_peak(&base_at_peak);
	print_peak(&hill_at_peak);
	print_peak(&later_at_peak);
	truth_print(&bases);
	truth_print(&hills);
	truth_print(&laters);
	return 0;
}
