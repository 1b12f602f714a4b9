// SPDX-License-Identifier: Apache-2.0
// A child allocates and frees, says in shared memory what it has, and is looked at from here.
#include "unit/unit.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "leaks/glibc_heap.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_OTHER_MALLOC 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define HAS_OTHER_MALLOC 1
#endif
#endif

#define NUM_BLOCKS 20000

struct told {
	void *live[NUM_BLOCKS], *freed[NUM_BLOCKS];
	size_t sizes[NUM_BLOCKS]; // of live ones
	size_t num_live, num_freed;
};

static struct told *told; // shared with the child

// Sizes of all lists: the thread's, fast bins, others; not those that get a mapping of their own.
static void allocate_and_free(void)
{
	static _Thread_local void *blocks[NUM_BLOCKS / 2];
	static _Thread_local size_t sizes[NUM_BLOCKS / 2];
	for (size_t i = 0; i < NUM_BLOCKS / 2; i++) {
		sizes[i] = rand() % 3 ? (size_t)rand() % 150 : (size_t)rand() % 5000;
		blocks[i] = memset(malloc(sizes[i]), 0xa5, sizes[i]);
	}
	for (size_t i = 0; i < NUM_BLOCKS / 2; i++) {
		if (rand() % 2) {
			told->freed[told->num_freed++] = blocks[i];
			free(blocks[i]);
		} else {
			told->sizes[told->num_live] = sizes[i];
			told->live[told->num_live++] = blocks[i];
		}
	}
}

static void *in_thread(void *unused)
{
	allocate_and_free();
	return unused;
}

static void allocate_in_two_arenas(void)
{
	pthread_t thread; // first, since it takes a block for itself
	pthread_create(&thread, NULL, in_thread, NULL);
	pthread_join(thread, NULL);
	allocate_and_free();
}

static void leave_heaps_full(void)
{
	for (size_t i = 0; i < NUM_BLOCKS; i++) { // 160 MB, so that an arena has several heaps
		told->sizes[i] = 8000;
		told->live[told->num_live++] = memset(malloc(8000), 1, 8000);
	}
}

static void *fill_thread(void *unused)
{
	leave_heaps_full();
	return unused;
}

static void fill_in_thread(void)
{
	pthread_t thread;
	pthread_create(&thread, NULL, fill_thread, NULL);
	pthread_join(thread, NULL);
}

// Runs work in a child that then waits to be looked at.
static pid_t start(void (*work)(void))
{
	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(told, MAP_FAILED);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		work();
		raise(SIGSTOP);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	munmap(told, sizeof(*told));
}

static const struct heap_chunk *find(const struct glibc_heap *heap, const void *address)
{
	for (size_t low = 0, high = heap->num_chunks; low < high;) {
		size_t middle = low + (high - low) / 2;
		if (heap->chunks[middle].start == (uint64_t)(uintptr_t)address)
			return &heap->chunks[middle];
		if (heap->chunks[middle].start < (uint64_t)(uintptr_t)address)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static void check(void (*work)(void))
{
	struct memory memory;
	struct glibc_heap heap;
	struct error error;
#ifdef HAS_OTHER_MALLOC
	skip();
#endif
	pid_t pid = start(work);
	assert_true(memory_init(&memory, pid, &error));
	assert_true(glibc_heap_init(&heap, &memory, NULL, NULL, 0));
	for (size_t i = 0; i < told->num_live; i++) {
		const struct heap_chunk *chunk = find(&heap, told->live[i]);
		assert_non_null(chunk);
		assert_false(chunk->is_free);
		assert_in_range(chunk->size_bytes, told->sizes[i], told->sizes[i] + 24 + 16);
	}
	size_t num_wrong = 0;
	for (size_t i = 0; i < told->num_freed; i++) {
		const struct heap_chunk *chunk = find(&heap, told->freed[i]);
		num_wrong += chunk && !chunk->is_free;
	}
	assert_int_equal(num_wrong, 0);
	assert_true(heap.heaps.num_spans >= 2);
	assert_int_equal(heap.own.num_spans, 1); // the first arena was found
	glibc_heap_deinit(&heap);
	memory_deinit(&memory);
	end(pid);
}

static void test_blocks_in_use_are_found_and_freed_ones_are_not(void **state)
{
	(void)state;
	check(allocate_in_two_arenas);
}

static void test_an_arena_may_have_several_heaps(void **state)
{
	(void)state;
	check(fill_in_thread);
}

static void damage_sizes(void)
{
	allocate_in_two_arenas();
	for (size_t i = 0; i < told->num_live; i += 1000)
		((size_t *)told->live[i])[-1] = (size_t)rand() * (size_t)rand();
}

static void test_a_damaged_heap_is_left_alone_from_there_on(void **state)
{
	struct memory memory;
	struct glibc_heap heap;
	struct error error;
	(void)state;
#ifdef HAS_OTHER_MALLOC
	skip();
#endif
	pid_t pid = start(damage_sizes);
	assert_true(memory_init(&memory, pid, &error));
	assert_true(glibc_heap_init(&heap, &memory, NULL, NULL, 0));
	for (size_t i = 0; i < heap.num_chunks; i++) { // each lies in a heap as far as that was followed
		bool is_inside = false;
		for (size_t j = 0; j < heap.heaps.num_spans; j++)
			is_inside |= heap.chunks[i].start >= heap.heaps.spans[j].start &&
				     heap.chunks[i].start + heap.chunks[i].size_bytes <= heap.heaps.spans[j].limit + 8;
		assert_true(is_inside);
	}
	glibc_heap_deinit(&heap);
	memory_deinit(&memory);
	end(pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blocks_in_use_are_found_and_freed_ones_are_not),
		cmocka_unit_test(test_an_arena_may_have_several_heaps),
		cmocka_unit_test(test_a_damaged_heap_is_left_alone_from_there_on),
	};
	srand(1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
