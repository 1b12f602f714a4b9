// SPDX-License-Identifier: Apache-2.0
// Go stacks: the two stacks of a thread of a Go program.  OUTSIDE.
#include "leaks/go_stacks.h"

#include <stdbool.h>

// runtime.g and runtime.m, in words (Go 1.9 to 1.23, runtime/runtime2.go).
enum { G_STACK_LOW = 0, G_STACK_HIGH = 1, G_M = 6, G_SCHEDULED_SP = 7, G_SYSTEM_CALL_SP = 14, G_NUM_WORDS = 15 };
enum { M_G0 = 0, M_CURRENT_G = 24 };

#define STORAGE_BYTES 256 // of the thread's storage, in which the runtime keeps its g
#define MAX_STACK_BYTES (UINT64_C(1) << 30)

struct g {
	uint64_t words[G_NUM_WORDS];
};

static bool read_g(const struct memory *memory, uint64_t address, struct g *g)
{
	if (address % 8 || memory_read(memory, address, g->words, sizeof(g->words)) != sizeof(g->words))
		return false;
	uint64_t low = g->words[G_STACK_LOW], high = g->words[G_STACK_HIGH];
	return low && low < high && high - low <= MAX_STACK_BYTES && low % 8 == 0 && high % 8 == 0;
}

static bool lies_in(const struct g *g, uint64_t sp)
{
	return sp > g->words[G_STACK_LOW] && sp <= g->words[G_STACK_HIGH];
}

// A word of the thread's storage is its g if that leads to an m, whose first word leads to a g0, which leads to the same m.
static bool find_g(const struct memory *memory, const struct thread_state *thread, struct g *g, struct g *g0)
{
	uint64_t words[STORAGE_BYTES / 8], m, g0_at;
	if (!thread->fs_base || memory_read(memory, thread->fs_base - STORAGE_BYTES, words, sizeof(words)) != sizeof(words))
		return false;
	for (size_t i = STORAGE_BYTES / 8; i-- > 0;) {
		if (words[i] < MEMORY_PAGE_BYTES || !read_g(memory, words[i], g))
			continue;
		m = g->words[G_M];
		if (m && memory_read_word(memory, m + 8 * M_G0, &g0_at) && read_g(memory, g0_at, g0) && g0->words[G_M] == m)
			return true;
	}
	return false;
}

// The stack pointer of the goroutine that the thread runs, where its stack ends for now; 0: not known.
static uint64_t find_goroutine(const struct memory *memory, const struct thread_state *thread, const struct g *own,
			       const struct g *g0, struct g *goroutine)
{
	uint64_t address, m = own->words[G_M];
	*goroutine = *own;
	if (own->words[G_STACK_LOW] != g0->words[G_STACK_LOW]) // in a system call the runtime may lie elsewhere
		return lies_in(own, thread->sp) ? thread->sp - THREAD_RED_ZONE_BYTES :
		       lies_in(g0, thread->sp)  ? own->words[G_SYSTEM_CALL_SP] : 0;
	// On the system's stack: the runtime, or C code, works for it.
	if (!memory_read_word(memory, m + 8 * M_CURRENT_G, &address) || !address || !read_g(memory, address, goroutine) ||
	    goroutine->words[G_M] != m)
		return 0;
	return goroutine->words[G_SCHEDULED_SP];
}

size_t go_stacks_find(const struct memory *memory, const struct thread_state *thread, struct spans *dead,
		      uint64_t pointers[GO_STACKS_MAX])
{
	struct g own, g0, goroutine;
	if (!find_g(memory, thread, &own, &g0))
		return 0;
	uint64_t sp = find_goroutine(memory, thread, &own, &g0, &goroutine);
	if (lies_in(&goroutine, sp))
		spans_add(dead, goroutine.words[G_STACK_LOW], sp);
	if (lies_in(&g0, thread->sp) || !lies_in(&g0, g0.words[G_SCHEDULED_SP]))
		return 0;
	pointers[0] = g0.words[G_SCHEDULED_SP];
	return 1;
}
