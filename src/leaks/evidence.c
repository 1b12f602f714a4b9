// SPDX-License-Identifier: Apache-2.0
// Evidence: what a watch saw come and go, for each stack.  OUTSIDE.
#include "leaks/evidence.h"

#include <stdlib.h>

#include "base/memory.h"
#include "ledger/layout.h"

// Spans in which blocks of stacks were born.
struct spans {
	uint64_t *keys; // stack << 32 | span
	size_t num;
};

struct work {
	const struct watch *watch;
	const struct watch_snapshot *middle;
	const uint32_t *stacks;
	size_t num_sites;
	struct evidence *evidence;
	size_t age; // which one
	struct spans spans[EVIDENCE_NUM_SPANS];
};

static uint32_t stack_of(const struct work *work, uint32_t site)
{
	return site < work->num_sites ? work->stacks[site] : UINT32_MAX;
}

static void add_span(struct work *work, enum evidence_spans kind, uint32_t stack, uint32_t span)
{
	struct spans *spans = &work->spans[kind];
	if (stack >= work->evidence->num_stacks)
		return;
	spans->keys = memory_grow(spans->keys, spans->num, sizeof(*spans->keys));
	spans->keys[spans->num++] = (uint64_t)stack << 32 | span;
}

static void add_block(struct work *work, enum evidence_spans kind, const struct watch_block *block)
{
	add_span(work, kind, stack_of(work, block->site), block->birth / work->watch->births_per_span);
}

// What came counts for, what went against growth.
static void add_value(struct work *work, const struct watch_block *block, double sign)
{
	uint32_t stack = stack_of(work, block->site);
	double bytes = (double)block->size_bytes;
	if (stack >= work->evidence->num_stacks)
		return;
	struct evidence_count *count = &work->evidence->counts[stack * work->evidence->num_ages + work->age];
	count->bytes += sign * block->weight * bytes;
	count->bytes_variance += block->weight * (block->weight - 1) * bytes * bytes;
	count->num_samples += sign > 0;
}

static int compare_keys(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
	return left < right ? -1 : left > right;
}

// Each span once.
static void count_spans(struct work *work, enum evidence_spans kind)
{
	struct spans *spans = &work->spans[kind];
	struct evidence *evidence = work->evidence;
	if (spans->num)
		qsort(spans->keys, spans->num, sizeof(*spans->keys), compare_keys);
	for (size_t i = 0; i < spans->num; i++)
		if (i == 0 || spans->keys[i] != spans->keys[i - 1])
			evidence->counts[(spans->keys[i] >> 32) * evidence->num_ages + work->age].spans[kind]++;
	free(spans->keys);
	*spans = (struct spans){ 0 };
}

static uint64_t ticks_of(const struct work *work, const struct watch_snapshot *snapshot)
{
	return work->watch->ticks[snapshot->number];
}

static void collect_came(struct work *work, const struct evidence_age *age)
{
	const struct watch_snapshot *last = &work->watch->last;
	uint64_t start = work->watch->ticks[0], middle = ticks_of(work, work->middle), end = ticks_of(work, last);
	for (size_t i = 0; i < last->num_blocks; i++) {
		const struct watch_block *block = &last->blocks[i];
		uint64_t birth = watch_birth_ticks(block), old = birth + age->age_ticks, late = birth + age->late_age_ticks;
		if (old <= end && (age->is_by_birth ? old > start : birth > start)) {
			add_block(work, EVIDENCE_CAME, block);
			add_value(work, block, 1);
		}
		if (late <= end && late > middle && birth > start + age->early_ticks)
			add_block(work, EVIDENCE_CAME_LATE, block);
	}
}

static void collect_went(struct work *work, const struct evidence_age *age)
{
	const struct watch_snapshot *first = &work->watch->first;
	uint64_t start = work->watch->ticks[0];
	for (size_t i = 0; i < first->num_blocks; i++) {
		const struct watch_block *block = &first->blocks[i];
		bool is_old = age->is_by_birth ? watch_birth_ticks(block) + age->age_ticks <= start : block->last_seen >= age->snapshot;
		if (!is_old || block->last_seen == work->watch->last.number)
			continue;
		add_block(work, EVIDENCE_WENT, block);
		add_value(work, block, -1);
	}
}

static void collect_went_late(struct work *work, const struct evidence_age *age)
{
	const struct watch_snapshot *middle = work->middle, *last = &work->watch->last;
	for (size_t i = 0, j = 0; i < middle->num_blocks; i++) {
		const struct watch_block *block = &middle->blocks[i];
		while (j < last->num_blocks && watch_compare(&last->blocks[j], block) < 0)
			j++;
		bool is_there = j < last->num_blocks && watch_compare(&last->blocks[j], block) == 0;
		if (!is_there && watch_birth_ticks(block) + age->late_age_ticks <= ticks_of(work, middle))
			add_block(work, EVIDENCE_WENT_LATE, block);
	}
}

// A span is as old as what was born at its beginning, and belongs to the watch if its end does.
static void collect_seen(struct work *work, const struct evidence_age *age)
{
	const struct watch *watch = work->watch;
	uint64_t span_ticks = watch->births_per_span * LEDGER_BIRTH_TICKS, start = watch->ticks[0];
	uint64_t end = watch->ticks[watch->last.number];
	for (size_t i = 0; i < watch->num_sightings; i++) {
		const struct watch_sighting *sighting = &watch->sightings[i];
		uint64_t birth = sighting->span * span_ticks, last_birth = birth + span_ticks - LEDGER_BIRTH_TICKS;
		uint64_t threshold = age->is_by_birth ? start - age->age_ticks : start;
		if (last_birth > threshold && birth + age->age_ticks <= end && watch->ticks[sighting->last_seen] >= birth + age->age_ticks)
			add_span(work, EVIDENCE_SEEN, stack_of(work, sighting->site), sighting->span);
	}
}

static void count_age(struct work *work)
{
	const struct evidence_age *age = &work->evidence->ages[work->age];
	collect_came(work, age);
	collect_went(work, age);
	collect_went_late(work, age);
	collect_seen(work, age);
	for (int kind = 0; kind < EVIDENCE_NUM_SPANS; kind++)
		count_spans(work, kind);
}

// By presence an age is the time from the first snapshot to another one, up to the middle.
static void set_age(struct evidence_age *age, const struct watch *watch, const struct watch_snapshot *middle, uint64_t wanted_ticks)
{
	uint64_t start = watch->ticks[0];
	*age = (struct evidence_age){ .age_ticks = wanted_ticks, .is_by_birth = start / 2 >= wanted_ticks };
	if (age->is_by_birth)
		return;
	while (age->snapshot < middle->number && watch->ticks[age->snapshot] - start < wanted_ticks)
		age->snapshot++;
	age->age_ticks = watch->ticks[age->snapshot] - start;
}

static void set_exposure(struct evidence_age *age, uint64_t middle_ticks, uint64_t duration_ticks)
{
	uint64_t latest = duration_ticks / 20 * 7;
	age->exposure_ticks = age->is_by_birth ? duration_ticks : duration_ticks - age->age_ticks;
	age->late_age_ticks = age->age_ticks < latest ? age->age_ticks : latest;
	age->early_ticks = middle_ticks > age->late_age_ticks ? middle_ticks - age->late_age_ticks : 0;
	if (age->early_ticks < duration_ticks / 3)
		age->early_ticks = duration_ticks / 3;
	age->late_exposure_ticks = duration_ticks - age->late_age_ticks - age->early_ticks;
}

// The smaller one is larger than most lifetimes of what comes and goes, the other also than long ones.  By birth it costs
// nothing to make it large; but for what came late it may not be so large that nothing older was born after the first third.
static void make_ages(struct evidence *evidence, const struct watch *watch, const struct watch_snapshot *middle)
{
	uint64_t ticks = evidence->duration_ticks, middle_ticks = watch->ticks[middle->number] - watch->ticks[0];
	evidence->num_ages = EVIDENCE_NUM_AGES;
	set_age(&evidence->ages[0], watch, middle, ticks / 10);
	set_age(&evidence->ages[1], watch, middle, watch->ticks[0] >= ticks ? ticks / 2 : ticks / 10 * 3);
	if (evidence->ages[0].age_ticks == evidence->ages[1].age_ticks)
		evidence->num_ages = 1;
	for (size_t i = 0; i < evidence->num_ages; i++)
		set_exposure(&evidence->ages[i], middle_ticks, ticks);
}

void evidence_init(struct evidence *evidence, const struct watch *watch, const uint32_t *stacks, size_t num_sites, size_t num_stacks)
{
	struct work work = { .watch = watch, .middle = watch_get_middle(watch), .stacks = stacks, .num_sites = num_sites,
			     .evidence = evidence };
	*evidence = (struct evidence){
		.duration_ticks = watch->ticks[watch->last.number] - watch->ticks[0],
		.has_middle = work.middle->number > 0,
		.num_stacks = num_stacks,
	};
	make_ages(evidence, watch, work.middle);
	evidence->counts = memory_get(num_stacks * evidence->num_ages, sizeof(*evidence->counts));
	for (; work.age < evidence->num_ages; work.age++)
		count_age(&work);
}

void evidence_deinit(struct evidence *evidence)
{
	free(evidence->counts);
	*evidence = (struct evidence){ 0 };
}
