// SPDX-License-Identifier: Apache-2.0
/*
 * Capture: what it takes to capture a call stack, by cairn's walk and by libunwind, on the same stacks.
 *
 * usage: capture NUMBER
 *
 * Prints a line for each of NUMBER rounds and each kind of stack: c or c++, how many frames, "same" or "varied" (the
 * lower five calls drawn at random), nanoseconds for a frame of walk_stack() and of unw_backtrace(), and how many
 * frames of the two differed when every stack was captured by both.
 */
#define UNW_LOCAL_ONLY
#include <libunwind.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "descent.h"
#include "unwind/walk.h"

#define NUM_TIMES 20000
#define MAX_FRAMES 200

static struct {
	struct ledger ledger;
	struct rules rules;
	struct stack_memory memory;
	struct walk_memory before;
	struct branches branches; // as exact mode has them
	uint32_t frames[WALK_MAX_FRAMES];
} walker;

static uint64_t num_frames, num_differences;

static bool init_walker(void)
{
	walker.before.branches = &walker.branches;
	return ledger_create(&walker.ledger, 64 << 20, 1) && rules_init(&walker.rules, 1 << 14);
}

static struct walk walk_from(const struct origin *origin)
{
	struct walk walk = { .frames = walker.frames };
	walk_stack(&walk, &walker.rules, &walker.ledger, &walker.memory, &walker.before, origin, 0, 0);
	return walk;
}

static void do_nothing(uint64_t path)
{
	(void)path;
	__asm__ volatile("");
}

static void capture_by_walk(uint64_t path)
{
	(void)path;
	struct origin origin = ORIGIN();
	struct walk walk = walk_from(&origin);
	num_frames = walk.num_frames + walk.num_kept;
}

static void capture_by_libunwind(uint64_t path)
{
	(void)path;
	void *addresses[MAX_FRAMES];
	num_frames = (uint64_t)unw_backtrace(addresses, MAX_FRAMES);
}

// All frames of a walk: those that it found, and those that are the last walk's.
static size_t complete(const struct walk *walk, uint32_t *frames)
{
	static uint32_t before[WALK_MAX_FRAMES];
	static size_t num_before;
	size_t num = walk->num_frames + walk->num_kept;
	if (walk->num_kept > num_before || num > WALK_MAX_FRAMES)
		abort();
	memcpy(frames, walk->frames, walk->num_frames * sizeof(*frames));
	memcpy(frames + walk->num_frames, before + num_before - walk->num_kept, walk->num_kept * sizeof(*frames));
	memcpy(before, frames, num * sizeof(*frames));
	num_before = num;
	return num;
}

// libunwind's first frame is this function's own.
static void capture_by_both(uint64_t path)
{
	(void)path;
	struct origin origin = ORIGIN();
	uint32_t frames[WALK_MAX_FRAMES];
	void *addresses[MAX_FRAMES];
	struct walk walk = walk_from(&origin);
	size_t num = complete(&walk, frames);
	size_t num_others = (size_t)unw_backtrace(addresses, MAX_FRAMES) - 1;
	num_differences += walk.end != WALK_COMPLETE || num != num_others;
	for (size_t i = 0; i < num && i < num_others; i++)
		num_differences += walker.ledger.frames[frames[i]].address + 1 != (uintptr_t)addresses[i + 1];
}

struct kind {
	const char *language;
	descend_function *descend;
	unsigned num_frames;
	bool is_varied;
};

static const struct kind kinds[] = {
	{ "c", descend_in_c, 30, false },     { "c", descend_in_c, 30, true },     { "c", descend_in_c, 100, false },
	{ "c", descend_in_c, 100, true },     { "c++", descend_in_cpp, 30, false }, { "c++", descend_in_cpp, 30, true },
	{ "c++", descend_in_cpp, 100, false }, { "c++", descend_in_cpp, 100, true },
};

#define NUM_KINDS (sizeof(kinds) / sizeof(kinds[0]))

// Nanoseconds for each time.  Must not be inlined: all descents have the same callers.
static __attribute__((noinline)) double time_descent(const struct kind *kind, unsigned num_upper, void (*bottom)(uint64_t path),
						     uint64_t num_times)
{
	struct descent descent = { .bottom = bottom, .num_times = num_times, .is_varied = kind->is_varied };
	struct timespec start, end;
	clock_gettime(CLOCK_MONOTONIC, &start);
	kind->descend(num_upper, &descent);
	clock_gettime(CLOCK_MONOTONIC, &end);
	return ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) / (double)num_times;
}

static void measure(const struct kind *kind)
{
	time_descent(kind, 1, capture_by_walk, 1);
	unsigned num_upper = kind->num_frames - (unsigned)num_frames + 1;
	num_differences = 0;
	trail_clear(&walker.before.trail); // the frames of whose last walk complete() has not seen
	time_descent(kind, num_upper, capture_by_both, NUM_TIMES);
	time_descent(kind, num_upper, capture_by_walk, 1000);
	if (num_frames != kind->num_frames) {
		fprintf(stderr, "capture: %llu frames instead of %u\n", (unsigned long long)num_frames, kind->num_frames);
		exit(1);
	}
	double nothing_ns = time_descent(kind, num_upper, do_nothing, NUM_TIMES);
	double walk_ns = time_descent(kind, num_upper, capture_by_walk, NUM_TIMES) - nothing_ns;
	double libunwind_ns = time_descent(kind, num_upper, capture_by_libunwind, NUM_TIMES) - nothing_ns;
	printf("%s %u %s %.4f %.4f %llu\n", kind->language, kind->num_frames, kind->is_varied ? "varied" : "same",
	       walk_ns / kind->num_frames, libunwind_ns / kind->num_frames, (unsigned long long)num_differences);
}

int main(int argc, char **argv)
{
	int num_rounds = argc == 2 ? atoi(argv[1]) : 0;
	if (num_rounds < 1) {
		fprintf(stderr, "usage: %s NUMBER\n", argv[0]);
		return 2;
	}
	if (!init_walker()) {
		fprintf(stderr, "%s: no memory for the walk\n", argv[0]);
		return 1;
	}
	for (int round = 0; round < num_rounds; round++)
		for (size_t i = 0; i < NUM_KINDS; i++)
			measure(&kinds[i]);
	ledger_destroy(&walker.ledger);
	return 0;
}
