// SPDX-License-Identifier: Apache-2.0
// Watch: what is kept of the snapshots of the live blocks of one process.  OUTSIDE.
#include "leaks/watch.h"

#include <stdlib.h>

#include "base/memory.h"
#include "ledger/layout.h"

uint64_t watch_birth_ticks(const struct watch_block *block)
{
	return block->birth * LEDGER_BIRTH_TICKS;
}

int watch_compare(const struct watch_block *left, const struct watch_block *right)
{
	if (left->site != right->site)
		return left->site < right->site ? -1 : 1;
	if (left->birth != right->birth)
		return left->birth < right->birth ? -1 : 1;
	return left->address < right->address ? -1 : left->address > right->address;
}

static int compare(const void *left, const void *right)
{
	return watch_compare(left, right);
}

void watch_init(struct watch *watch, uint32_t num_planned, uint64_t duration_ticks)
{
	uint64_t births_per_span = duration_ticks / LEDGER_BIRTH_TICKS / WATCH_NUM_SPANS;
	*watch = (struct watch){
		.births_per_span = births_per_span < 1 ? 1 : births_per_span < UINT32_MAX ? (uint32_t)births_per_span : UINT32_MAX,
		.num_planned = num_planned,
		.ticks = memory_get(num_planned, sizeof(*watch->ticks)),
	};
}

void watch_deinit(struct watch *watch)
{
	free(watch->ticks);
	free(watch->first.blocks);
	free(watch->marks[0].blocks);
	free(watch->marks[1].blocks);
	free(watch->last.blocks);
	free(watch->sightings);
	*watch = (struct watch){ 0 };
}

// At the middle, and before it whenever the time has doubled.
static bool is_mark(const struct watch *watch, uint32_t number)
{
	uint32_t middle = (watch->num_planned - 1) / 2;
	return number > 0 && (number == middle || (number < middle && (number & (number - 1)) == 0));
}

// The last snapshot is to make room.
static void retire_last(struct watch *watch)
{
	if (!watch->last.blocks || !is_mark(watch, watch->last.number)) {
		free(watch->last.blocks);
		return;
	}
	free(watch->marks[0].blocks);
	watch->marks[0] = watch->marks[1];
	watch->marks[1] = watch->last;
}

static void note_survivors(struct watch_snapshot *first, const struct watch_snapshot *now)
{
	for (size_t i = 0, j = 0; i < first->num_blocks && j < now->num_blocks;) {
		int order = watch_compare(&first->blocks[i], &now->blocks[j]);
		if (order == 0)
			first->blocks[i].last_seen = now->number;
		i += order <= 0;
		j += order >= 0;
	}
}

static int compare_sightings(const struct watch_sighting *left, const struct watch_sighting *right)
{
	if (left->site != right->site)
		return left->site < right->site ? -1 : 1;
	return left->span < right->span ? -1 : left->span > right->span;
}

static size_t add_sighting(struct watch_sighting *sightings, size_t num, const struct watch_sighting *sighting)
{
	if (num && compare_sightings(&sightings[num - 1], sighting) == 0)
		sightings[num - 1].last_seen = sighting->last_seen;
	else
		sightings[num++] = *sighting;
	return num;
}

// Blocks that were old when the watch began are of no interest.
static uint32_t first_span(const struct watch *watch)
{
	uint64_t start = watch->ticks[0] / LEDGER_BIRTH_TICKS / watch->births_per_span;
	return start > WATCH_NUM_SPANS ? (uint32_t)(start - WATCH_NUM_SPANS) : 0;
}

static void note_sightings(struct watch *watch, const struct watch_snapshot *now)
{
	struct watch_sighting *merged = memory_get(watch->num_sightings + now->num_blocks, sizeof(*merged));
	uint32_t start = first_span(watch);
	size_t num = 0, i = 0;
	for (size_t j = 0; j < now->num_blocks; j++) {
		const struct watch_sighting seen = { now->blocks[j].site, now->blocks[j].birth / watch->births_per_span, now->number };
		if (seen.span < start)
			continue;
		while (i < watch->num_sightings && compare_sightings(&watch->sightings[i], &seen) <= 0)
			num = add_sighting(merged, num, &watch->sightings[i++]);
		num = add_sighting(merged, num, &seen);
	}
	while (i < watch->num_sightings)
		num = add_sighting(merged, num, &watch->sightings[i++]);
	free(watch->sightings);
	watch->sightings = memory_resize(merged, num, sizeof(*merged));
	watch->num_sightings = num;
}

void watch_add(struct watch *watch, struct watch_block *blocks, size_t num_blocks, uint64_t ticks)
{
	const struct watch_snapshot now = { blocks, num_blocks, watch->num_snapshots };
	if (now.number == watch->num_planned) {
		free(blocks);
		return;
	}
	if (num_blocks)
		qsort(blocks, num_blocks, sizeof(*blocks), compare);
	for (size_t i = 0; i < num_blocks; i++)
		blocks[i].last_seen = now.number;
	watch->ticks[watch->num_snapshots++] = ticks;
	note_sightings(watch, &now);
	if (now.number == 0) {
		watch->first = now;
		return;
	}
	note_survivors(&watch->first, &now);
	retire_last(watch);
	watch->last = now;
}

static uint64_t distance(const struct watch *watch, const struct watch_snapshot *snapshot)
{
	uint64_t half = (watch->ticks[0] + watch->ticks[watch->last.number]) / 2, ticks = watch->ticks[snapshot->number];
	return ticks < half ? half - ticks : ticks - half;
}

const struct watch_snapshot *watch_get_middle(const struct watch *watch)
{
	const struct watch_snapshot *nearest = &watch->first;
	for (int i = 0; i < 2; i++)
		if (watch->marks[i].blocks && watch->marks[i].number < watch->last.number &&
		    distance(watch, &watch->marks[i]) < distance(watch, nearest))
			nearest = &watch->marks[i];
	return nearest;
}
