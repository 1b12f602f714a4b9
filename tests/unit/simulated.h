// SPDX-License-Identifier: Apache-2.0
/*
 * Simulated: a program's samples over time, for tests of what is decided on them.
 *
 * Time is in units of LEDGER_BIRTH_TICKS, 0 is when the watch begins; a watch is simulated by its snapshots.
 */
#ifndef CAIRN_TESTS_SIMULATED_H
#define CAIRN_TESTS_SIMULATED_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "leaks/decision.h"
#include "ledger/layout.h"

#define DURATION 24000.0 // some ten minutes
#define NUM_INTERVALS 10
#define RATE_BYTES (512.0 * 1024)

enum lifetime { LIFETIME_EXPONENTIAL, LIFETIME_FIXED, LIFETIME_PARETO, LIFETIME_FOREVER };

struct simulated_block {
	double birth, death;
	uint32_t site;
	uint64_t address;
};

struct simulation {
	uint64_t random;
	double age; // of the process when the watch begins
	double block_bytes;
	uint32_t num_planned, num_taken; // snapshots
	struct simulated_block *blocks;  // that a snapshot may have
	size_t num_blocks;
	uint64_t num_ever;
};

// SplitMix64; in (0, 1).
static inline double draw_uniform(struct simulation *simulation)
{
	uint64_t z = simulation->random += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return ((double)((z ^ z >> 31) >> 12) + 0.5) * 0x1p-52;
}

static inline double draw_between(struct simulation *simulation, double low, double high)
{
	return low * exp(draw_uniform(simulation) * log(high / low));
}

static inline uint32_t draw_choice(struct simulation *simulation, uint32_t num)
{
	return (uint32_t)(draw_uniform(simulation) * num);
}

static inline double draw_exponential(struct simulation *simulation, double mean)
{
	return -log(draw_uniform(simulation)) * mean;
}

#define PARETO_LIMIT (20 * DURATION)

// Of the Pareto distribution with exponent 1.3, cut: most lifetimes are short, some longer than any watch.
static inline double draw_lifetime(struct simulation *simulation, enum lifetime kind, double mean)
{
	switch (kind) {
	case LIFETIME_EXPONENTIAL: return draw_exponential(simulation, mean);
	case LIFETIME_FIXED: return mean;
	case LIFETIME_PARETO: return fmin(mean * 0.3 / 1.3 * pow(draw_uniform(simulation), -1 / 1.3), PARETO_LIMIT);
	default: return INFINITY;
	}
}

static inline double longest_life(enum lifetime kind, double mean)
{
	return kind == LIFETIME_EXPONENTIAL ? 20 * mean : kind == LIFETIME_FIXED ? mean : kind == LIFETIME_PARETO ? PARETO_LIMIT : INFINITY;
}

static inline void add_simulated(struct simulation *simulation, uint32_t site, double birth, double death)
{
	double step = DURATION / NUM_INTERVALS, next = birth <= 0 ? 0 : ceil(birth / step) * step;
	simulation->num_ever++;
	if (death <= next || birth < -simulation->age)
		return; // no snapshot has it
	simulation->blocks = memory_grow(simulation->blocks, simulation->num_blocks, sizeof(*simulation->blocks));
	simulation->blocks[simulation->num_blocks++] =
		(struct simulated_block){ birth, death, site, simulation->num_ever * 16 };
}

struct stream {
	uint32_t site;
	double num_per_watch; // samples, on average
	double start, end;    // of arrivals
	enum lifetime kind;
	double lifetime; // mean
	double burst;    // samples that come at one time, on average; 0: alone
	bool has_common_death; // those of a burst go at one time
};

// Random arrivals, from so long before the watch that it is steady when that begins.
static inline void add_stream(struct simulation *simulation, const struct stream *stream)
{
	double start = fmax(stream->start, -longest_life(stream->kind, stream->lifetime));
	double gap = DURATION / stream->num_per_watch * fmax(stream->burst, 1);
	start = fmax(start, -simulation->age);
	for (double time = start; (time += draw_exponential(simulation, gap)) < stream->end;) {
		uint32_t num = stream->burst > 1 ? (uint32_t)ceil(draw_exponential(simulation, stream->burst)) : 1;
		double life = draw_lifetime(simulation, stream->kind, stream->lifetime);
		for (uint32_t i = 0; i < num; i++, life = stream->has_common_death ? life : draw_lifetime(simulation, stream->kind, stream->lifetime))
			add_simulated(simulation, stream->site, time, time + life);
	}
}

// Allocates all the time and frees everything at the end of each period.
static inline void add_sawtooth(struct simulation *simulation, uint32_t site, double num_per_watch, double period)
{
	double phase = draw_uniform(simulation) * period;
	for (double time = -2 * period; (time += draw_exponential(simulation, DURATION / num_per_watch)) < DURATION;)
		add_simulated(simulation, site, time, (floor((time + phase) / period) + 1) * period - phase);
}

static inline void take_snapshot(struct simulation *simulation, struct watch *watch, double time)
{
	struct watch_block *blocks = memory_get(simulation->num_blocks + 1, sizeof(*blocks));
	size_t num = 0;
	for (size_t i = 0; i < simulation->num_blocks; i++) {
		const struct simulated_block *block = &simulation->blocks[i];
		if (block->birth > time || block->death <= time)
			continue;
		blocks[num++] = (struct watch_block){
			.address = block->address,
			.size_bytes = (uint64_t)simulation->block_bytes,
			.weight = 1 / -expm1(-simulation->block_bytes / RATE_BYTES),
			.birth = (uint32_t)(block->birth + simulation->age),
			.site = block->site,
		};
	}
	watch_add(watch, blocks, num, (uint64_t)((time + simulation->age) * (double)LEDGER_BIRTH_TICKS));
}

// Decides, and forgets the blocks.
static inline void simulate(struct simulation *simulation, uint32_t num_stacks, uint32_t num_intervals, struct decision *decision,
			    struct evidence *evidence)
{
	struct watch watch;
	uint32_t *stacks = memory_get(num_stacks, sizeof(*stacks));
	watch_init(&watch, NUM_INTERVALS + 1, (uint64_t)(DURATION * (double)LEDGER_BIRTH_TICKS));
	for (uint32_t i = 0; i <= num_intervals; i++)
		take_snapshot(simulation, &watch, DURATION * i / NUM_INTERVALS);
	for (uint32_t i = 0; i < num_stacks; i++)
		stacks[i] = i;
	evidence_init(evidence, &watch, stacks, num_stacks, num_stacks);
	decision_init(decision, evidence, 0.999);
	watch_deinit(&watch);
	free(stacks);
	free(simulation->blocks);
	simulation->blocks = NULL;
	simulation->num_blocks = 0;
}

#endif
