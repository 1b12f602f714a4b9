// SPDX-License-Identifier: Apache-2.0
/*
 * 512 MiB live in 20 sites whose shares follow Zipf's law: the k-th has 1/k of the first one's bytes.
 * Block sizes go down with the rank, from 1 MiB to 64 B, each site using three sizes around its own.
 * Most of it is never touched, so that little of it is resident.
 *
 * Prints what the tests need to know the truth and its variance, as lines "blocks FUNCTION RATE SIZE
 * COUNT".  With the argument "change" the sampling rate alternates between two values while it runs.
 */
#include "truth.h"

#include <cairn.h>
#include <stdlib.h>
#include <string.h>

enum { NUM_SITES = 20, NUM_SIZES = 3, NUM_RATES = 2, ROUNDS = 16 };

static const double TOTAL_BYTES = 512.0 * (1 << 20);
static const unsigned long RATES[NUM_RATES] = {1 << 17, 1 << 20};

struct site {
	void *(*allocate)(size_t size);
	const char *function;
	size_t sizes[NUM_SIZES];
	long counts[NUM_RATES][NUM_SIZES];
	double allocated_bytes;
	int next_size;
};

#define ZIPF_SITE(name) SITE static void *name(size_t size) { return truth_keep(malloc(size)); }
ZIPF_SITE(zipf_01) ZIPF_SITE(zipf_02) ZIPF_SITE(zipf_03) ZIPF_SITE(zipf_04) ZIPF_SITE(zipf_05)
ZIPF_SITE(zipf_06) ZIPF_SITE(zipf_07) ZIPF_SITE(zipf_08) ZIPF_SITE(zipf_09) ZIPF_SITE(zipf_10)
ZIPF_SITE(zipf_11) ZIPF_SITE(zipf_12) ZIPF_SITE(zipf_13) ZIPF_SITE(zipf_14) ZIPF_SITE(zipf_15)
ZIPF_SITE(zipf_16) ZIPF_SITE(zipf_17) ZIPF_SITE(zipf_18) ZIPF_SITE(zipf_19) ZIPF_SITE(zipf_20)
#undef ZIPF_SITE

#define ENTRY(name) {.allocate = name, .function = #name}
static struct site sites[NUM_SITES] = {
	ENTRY(zipf_01), ENTRY(zipf_02), ENTRY(zipf_03), ENTRY(zipf_04), ENTRY(zipf_05),
	ENTRY(zipf_06), ENTRY(zipf_07), ENTRY(zipf_08), ENTRY(zipf_09), ENTRY(zipf_10),
	ENTRY(zipf_11), ENTRY(zipf_12), ENTRY(zipf_13), ENTRY(zipf_14), ENTRY(zipf_15),
	ENTRY(zipf_16), ENTRY(zipf_17), ENTRY(zipf_18), ENTRY(zipf_19), ENTRY(zipf_20),
};
#undef ENTRY

// Sizes fall by two fifths from site to site.
static void choose_sizes(void)
{
	double size = 1 << 20;
	for (int i = 0; i < NUM_SITES; i++) {
		sites[i].sizes[0] = (size_t)(size / 2);
		sites[i].sizes[1] = (size_t)size;
		sites[i].sizes[2] = (size_t)(size * 3 / 2);
		size *= 0.6;
	}
}

// Allocate until the site has its share so far.
static void allocate_share(struct site *site, double share_bytes, int rate)
{
	while (site->allocated_bytes < share_bytes) {
		int i = site->next_size;
		site->allocate(site->sizes[i]);
		site->counts[rate][i]++;
		site->allocated_bytes += (double)site->sizes[i];
		site->next_size = (i + 1) % NUM_SIZES;
	}
}

int main(int argc, char **argv)
{
	int is_changing = argc > 1 && !strcmp(argv[1], "change");
	double harmonic = 0;
	for (int i = 0; i < NUM_SITES; i++)
		harmonic += 1.0 / (i + 1);
	choose_sizes();
	for (int round = 0; round < ROUNDS; round++) {
		int rate = is_changing ? round % NUM_RATES : 0;
		if (is_changing && cairn_set_rate(RATES[rate]))
			return 2;
		for (int i = 0; i < NUM_SITES; i++)
			allocate_share(&sites[i], TOTAL_BYTES / harmonic / (i + 1) * (round + 1) / ROUNDS, rate);
	}
	struct cairn_stats stats = {.size_bytes = sizeof(stats)};
	int is_loaded = cairn_stats(&stats) == 0;
	for (int i = 0; i < NUM_SITES; i++)
		for (int rate = 0; rate < (is_changing ? NUM_RATES : 1); rate++)
			for (int size = 0; size < NUM_SIZES; size++)
				dprintf(STDOUT_FILENO, "blocks %s %lu %zu %ld\n", sites[i].function,
				        is_changing ? RATES[rate] : 0UL, sites[i].sizes[size], sites[i].counts[rate][size]);
	if (is_loaded)
		dprintf(STDOUT_FILENO, "estimate %lu %lu\n", stats.live_bytes, stats.live_bytes_error);
	return 0;
}
