// SPDX-License-Identifier: Apache-2.0
// Stacks: which parts of stacks are dead.  OUTSIDE.
#include "leaks/stacks.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "leaks/go_stacks.h"

#define RED_ZONE_BYTES 128 // below the stack pointer, for functions that call none (System V ABI)

// Of glibc's struct pthread, which lies at the upper end of a thread's stack: its own address at 0 and 16, and the thread's
// id, which the kernel sets to 0 when the thread has ended, and pthread_join() to -1 (2.11 to 2.41).
#define DESCRIPTOR_TID_AT 0x2d0
#define DESCRIPTOR_SEARCH_BYTES 65536 // with thread-local storage and what precedes the next stack

// A mapping that can only be a stack: the main thread's, or one behind a page that nobody may touch.
static bool is_stack(const struct memory *memory, const struct memory_range *range)
{
	if (strcmp(range->path, "[stack]") == 0)
		return true;
	if (range == memory->ranges || *range->path || range->is_shared || !range->is_writable)
		return false;
	const struct memory_range *guard = range - 1;
	return guard->limit == range->start && !guard->is_readable && !guard->is_writable && !*guard->path;
}

static void add_below(const struct memory *memory, uint64_t sp, struct spans *dead)
{
	const struct memory_range *range = memory_find(memory, sp);
	if (range && is_stack(memory, range) && sp - range->start > RED_ZONE_BYTES)
		spans_add(dead, range->start, sp - RED_ZONE_BYTES);
}

static bool is_descriptor(const uint64_t *words, uint64_t address)
{
	return words[0] == address && words[2] == address && (int32_t)words[DESCRIPTOR_TID_AT / 8] <= 0;
}

// Where the descriptor of a thread that has ended lies in a stack; 0: there is none.
static uint64_t find_ended(const struct memory *memory, const struct memory_range *range)
{
	uint64_t size_bytes = range->limit - range->start, found = 0;
	size_bytes = size_bytes < DESCRIPTOR_SEARCH_BYTES ? size_bytes : DESCRIPTOR_SEARCH_BYTES;
	uint64_t *words = memory_get(size_bytes / 8, 8), start = range->limit - size_bytes;
	size_t num_words = memory_read(memory, start, words, size_bytes) / 8;
	for (size_t i = 0; i + DESCRIPTOR_TID_AT / 8 < num_words && !found; i++)
		if (is_descriptor(words + i, start + 8 * i))
			found = start + 8 * i;
	free(words);
	return found;
}

static bool has_thread(const struct memory_range *range, const struct thread_state *threads, size_t num_threads)
{
	for (size_t i = 0; i < num_threads; i++)
		if ((threads[i].fs_base >= range->start && threads[i].fs_base < range->limit) ||
		    (threads[i].sp >= range->start && threads[i].sp < range->limit))
			return true;
	return false;
}

static void add_ended(const struct memory *memory, const struct thread_state *threads, size_t num_threads, struct spans *dead)
{
	for (size_t i = 0; i < memory->num_ranges; i++) {
		const struct memory_range *range = &memory->ranges[i];
		if (!is_stack(memory, range) || has_thread(range, threads, num_threads))
			continue;
		uint64_t descriptor = find_ended(memory, range);
		if (descriptor)
			spans_add(dead, range->start, descriptor);
	}
}

void stacks_find_dead(const struct memory *memory, const struct thread_state *threads, size_t num_threads, bool is_whole,
		      struct spans *dead)
{
	for (size_t i = 0; i < num_threads; i++) {
		uint64_t others[GO_STACKS_MAX];
		add_below(memory, threads[i].sp, dead);
		size_t num_others = go_stacks_find(memory, &threads[i], dead, others);
		for (size_t j = 0; j < num_others; j++)
			add_below(memory, others[j], dead);
	}
	if (is_whole)
		add_ended(memory, threads, num_threads, dead);
}
