// SPDX-License-Identifier: Apache-2.0
// Stacks: which parts of stacks are dead.  OUTSIDE.
#include "leaks/stacks.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "leaks/go_stacks.h"

// Of glibc's struct pthread, which lies at the upper end of a thread's stack (2.11 to 2.41): its own address at 0 and 16; links
// to the next and the previous thread of a list, each to the same place in that; and the thread's id, which the kernel sets to
// 0 when the thread has ended, and pthread_join() to -1.  Behind them, at places that differ, what it has as its stack: where
// that begins, how large it is, and how much of it nobody may touch.
#define DESCRIPTOR_LINKS_AT 0x2c0
#define DESCRIPTOR_TID_AT 0x2d0
#define DESCRIPTOR_WORDS (0x900 / 8)
#define MAX_STACK_BYTES (UINT64_C(1) << 40)
#define MAX_BEHIND_BYTES 0x3000 // from the descriptor to the end of the stack
#define MAX_HANDLER_BYTES ((uint64_t)256 << 10) // of a handler's frames
#define DESCRIPTOR_SEARCH_BYTES 65536 // with thread-local storage and what precedes the next stack

// A mapping that can only hold stacks of threads: it lies behind a page that nobody may touch.
static bool may_be_stack(const struct memory *memory, const struct memory_range *range)
{
	if (range == memory->ranges || *range->path || range->is_shared || !range->is_writable)
		return false;
	const struct memory_range *guard = range - 1;
	return guard->limit == range->start && !guard->is_readable && !guard->is_writable && !*guard->path;
}

// What the descriptor of a thread has as its stack.  A mapping may hold several, and other memory between them.
static bool find_block(const uint64_t *words, size_t num_words, uint64_t address, struct span *block)
{
	if (num_words < DESCRIPTOR_TID_AT / 8 || words[0] != address || words[2] != address)
		return false;
	for (size_t i = DESCRIPTOR_TID_AT / 8 + 1; i + 2 < num_words && i + 2 < DESCRIPTOR_WORDS; i++) {
		uint64_t start = words[i], size_bytes = words[i + 1], guard_bytes = words[i + 2];
		if (start >= address || size_bytes <= address - start || size_bytes > MAX_STACK_BYTES ||
		    size_bytes - (address - start) > MAX_BEHIND_BYTES || guard_bytes >= address - start)
			continue;
		*block = (struct span){ start + guard_bytes, address };
		return true;
	}
	return false;
}

static bool find_own_block(const struct memory *memory, const struct thread_state *thread, struct span *block)
{
	uint64_t words[DESCRIPTOR_WORDS];
	size_t num_words = thread->fs_base ? memory_read(memory, thread->fs_base, words, sizeof(words)) / 8 : 0;
	return find_block(words, num_words, thread->fs_base, block);
}

// True if a signal handler runs on a stack that itself lies in this one, such as an array of main's: below it are the frames
// that the signal came to.  The kernel writes down before the handler's frames where its stack begins, flags and how large it is.
static bool is_on_inner_stack(const struct memory *memory, uint64_t sp, const struct span *block)
{
	uint64_t size_bytes = block->limit - sp < MAX_HANDLER_BYTES ? block->limit - sp : MAX_HANDLER_BYTES;
	uint64_t *words = memory_get(size_bytes / 8 + 1, 8);
	size_t num_words = memory_read(memory, sp, words, size_bytes / 8 * 8) / 8;
	bool is_found = false;
	for (size_t i = 0; i + 2 < num_words && !is_found; i++)
		is_found = words[i] <= sp && words[i] > block->start && words[i + 2] > sp + 8 * i - words[i] &&
			   words[i + 2] <= block->limit - words[i] && (uint32_t)words[i + 1] <= SS_DISABLE;
	free(words);
	return is_found;
}

// Of the stack of a thread that glibc began, or of the main thread.  It may be on another one, of which nothing is known.
static void add_below(const struct memory *memory, const struct thread_state *thread, uint64_t sp, struct spans *dead)
{
	const struct memory_range *range = memory_find(memory, sp);
	struct span block;
	if (!range)
		return;
	if (!find_own_block(memory, thread, &block))
		block = strcmp(range->path, "[stack]") == 0 ? (struct span){ range->start, range->limit } : (struct span){ 0 };
	if (sp >= block.start && sp < block.limit && sp - block.start > THREAD_RED_ZONE_BYTES && !is_on_inner_stack(memory, sp, &block))
		spans_add(dead, block.start, sp - THREAD_RED_ZONE_BYTES);
}

// It has ended, and its stack is still glibc's: one that the program made, and may use for something else, is in no list.
static bool has_ended(const struct memory *memory, const uint64_t *words, uint64_t address)
{
	const uint64_t *links = words + DESCRIPTOR_LINKS_AT / 8;
	uint64_t of_next, of_previous, own = address + DESCRIPTOR_LINKS_AT;
	int32_t tid = (int32_t)words[DESCRIPTOR_TID_AT / 8];
	return (tid == 0 || tid == -1) && memory_read_word(memory, links[0] + 8, &of_next) && of_next == own &&
	       memory_read_word(memory, links[1], &of_previous) && of_previous == own;
}

// The stack of a thread that has ended, below its descriptor.
static bool find_ended(const struct memory *memory, const struct memory_range *range, struct span *block)
{
	uint64_t size_bytes = range->limit - range->start;
	size_bytes = size_bytes < DESCRIPTOR_SEARCH_BYTES ? size_bytes : DESCRIPTOR_SEARCH_BYTES;
	uint64_t *words = memory_get(size_bytes / 8, 8), start = range->limit - size_bytes;
	size_t num_words = memory_read(memory, start, words, size_bytes) / 8;
	bool is_found = false;
	for (size_t i = 0; i < num_words && !is_found; i++)
		is_found = words[i] == start + 8 * i && find_block(words + i, num_words - i, start + 8 * i, block) &&
			   has_ended(memory, words + i, start + 8 * i);
	free(words);
	return is_found;
}

static bool has_thread(const struct span *block, const struct thread_state *threads, size_t num_threads)
{
	for (size_t i = 0; i < num_threads; i++)
		if ((threads[i].fs_base >= block->start && threads[i].fs_base <= block->limit) ||
		    (threads[i].sp >= block->start && threads[i].sp <= block->limit))
			return true;
	return false;
}

static void add_ended(const struct memory *memory, const struct thread_state *threads, size_t num_threads, struct spans *dead)
{
	for (size_t i = 0; i < memory->num_ranges; i++) {
		const struct memory_range *range = &memory->ranges[i];
		struct span block;
		if (may_be_stack(memory, range) && find_ended(memory, range, &block) && !has_thread(&block, threads, num_threads))
			spans_add(dead, block.start, block.limit);
	}
}

void stacks_find_dead(const struct memory *memory, const struct thread_state *threads, size_t num_threads, bool is_whole,
		      struct spans *dead)
{
	for (size_t i = 0; i < num_threads; i++) {
		uint64_t others[GO_STACKS_MAX];
		add_below(memory, &threads[i], threads[i].sp, dead);
		size_t num_others = go_stacks_find(memory, &threads[i], dead, others);
		for (size_t j = 0; j < num_others; j++)
			add_below(memory, &threads[i], others[j], dead);
	}
	if (is_whole)
		add_ended(memory, threads, num_threads, dead);
}
