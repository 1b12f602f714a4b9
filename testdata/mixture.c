// SPDX-License-Identifier: Apache-2.0
/*
 * A few thousand blocks of mixed sizes from five sites, some of which are freed again: made so that a rate of 4096
 * samples each site well, in little time.  Prints the truth.
 */
#include "truth.h"

#include <stdint.h>
#include <stdlib.h>

enum { NUM_SITES = 5, NUM_BLOCKS = 4000 };

static struct truth truths[NUM_SITES];
static void *blocks[NUM_SITES][NUM_BLOCKS];

#define MIXTURE_SITE(name) SITE static void *name(size_t size) { return truth_keep(malloc(size)); }
MIXTURE_SITE(mixture_0) MIXTURE_SITE(mixture_1) MIXTURE_SITE(mixture_2) MIXTURE_SITE(mixture_3) MIXTURE_SITE(mixture_4)
#undef MIXTURE_SITE

// Sizes around what is drawn from, with blocks that are rarely, sometimes and always sampled.
static const struct site {
	const char *function;
	void *(*allocate)(size_t size);
	size_t smallest_bytes, largest_bytes;
	int num_blocks, num_freed_of_eight;
} sites[NUM_SITES] = {
	{ "mixture_0", mixture_0, 64, 192, 4000, 0 },
	{ "mixture_1", mixture_1, 100, 3000, 800, 3 },
	{ "mixture_2", mixture_2, 1000, 8000, 300, 4 },
	{ "mixture_3", mixture_3, 4000, 12000, 200, 2 },
	{ "mixture_4", mixture_4, 512, 512, 1600, 4 },
};

int main(void)
{
	uint64_t random = 1;
	for (int i = 0; i < NUM_BLOCKS; i++) {
		for (int k = 0; k < NUM_SITES; k++) {
			const struct site *site = &sites[k];
			if (i >= site->num_blocks)
				continue;
			random = random * 6364136223846793005u + 1442695040888963407u;
			size_t size = site->smallest_bytes + (random >> 33) % (site->largest_bytes - site->smallest_bytes + 1);
			truth_add(&truths[k], size);
			blocks[k][i] = site->allocate(size);
			if (i % 8 < site->num_freed_of_eight) {
				free(blocks[k][i]);
				truth_remove(&truths[k], size);
			}
		}
	}
	for (int k = 0; k < NUM_SITES; k++) {
		truths[k].function = sites[k].function;
		truth_print(&truths[k]);
	}
	return 0;
}
