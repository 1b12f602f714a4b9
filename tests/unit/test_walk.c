// SPDX-License-Identifier: Apache-2.0
/*
 * Walks compared, frame by frame, with libunwind's, on stacks of random shape: frames of many sizes,
 * variable-length arrays (which the compiler addresses by rbp), realigned stacks, calls through
 * pointers, a library's frames (qsort), signal handlers on their own stack.
 */
#define UNW_LOCAL_ONLY
#include <libunwind.h>

#include "unit/unit.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "unwind/walk.h"

static struct ledger ledger;
static struct rules rules;
static _Thread_local struct stack_memory memory;
static _Thread_local struct walk_memory walks;
static _Atomic int num_compared;
static _Atomic size_t num_kept_frames;
static bool is_in_coroutine;

static int create(void **state)
{
	(void)state;
	memset(&rules, 0, sizeof(rules));
	memset(&walks, 0, sizeof(walks)); // what it remembers is of another ledger
	num_compared = 0;
	num_kept_frames = 0;
	return ledger_create(&ledger, 64 << 20, 1) && rules_init(&rules, 1 << 14) ? 0 : -1;
}

static int destroy(void **state)
{
	(void)state;
	ledger_destroy(&ledger);
	return 0;
}

// The frames of a walk, those included that are the same as in the walk before.
static __attribute__((noinline)) void walk_whole(struct walk *walk, uint32_t *frames, const struct origin *origin)
{
	static _Thread_local uint32_t before[WALK_MAX_FRAMES];
	static _Thread_local size_t num_before;
	walk->frames = frames;
	walk_stack(walk, &rules, &ledger, &memory, &walks, origin, 0, 0);
	assert_true(walk->num_kept <= num_before);
	memcpy(frames + walk->num_frames, before + num_before - walk->num_kept, walk->num_kept * sizeof(*frames));
	num_kept_frames += walk->num_kept;
	walk->num_frames += walk->num_kept;
	memcpy(before, frames, walk->num_frames * sizeof(*frames));
	num_before = walk->num_frames;
}

static __attribute__((noinline)) enum walk_end compare(void)
{
	uint32_t frames[WALK_MAX_FRAMES];
	struct walk walk;
	struct origin origin = ORIGIN();
	unw_context_t context;
	unw_cursor_t cursor;
	walk_whole(&walk, frames, &origin);
	unw_getcontext(&context);
	unw_init_local(&cursor, &context);
	for (size_t i = 0; i < walk.num_frames; i++) {
		unw_word_t pc = 0;
		assert_true(unw_step(&cursor) > 0);
		unw_get_reg(&cursor, UNW_REG_IP, &pc);
		uint64_t address = ledger.frames[frames[i]].address;
		if (address != pc) // the frame that a signal interrupted
			assert_int_equal(address + 1, pc);
	}
	if (walk.end == WALK_COMPLETE && !is_in_coroutine) // whose end libunwind does not see
		assert_true(unw_step(&cursor) <= 0);
	num_compared++;
	return walk.end;
}

typedef void (*node)(int depth);
static node const shapes[6];

static void go_on(int depth)
{
	if (depth == 0)
		assert_int_equal(compare(), WALK_COMPLETE);
	else
		shapes[random() % 6](depth - 1);
}

static __attribute__((noinline)) void small(int depth)
{
	go_on(depth);
	__asm__ volatile("");
}

static __attribute__((noinline)) void large(int depth)
{
	volatile char space[3000];
	space[depth] = 1;
	go_on(depth);
	space[depth + 1] = space[depth];
}

static __attribute__((noinline)) void variable(int depth)
{
	volatile char *space = __builtin_alloca((size_t)(random() % 500 + 1));
	space[0] = 1;
	go_on(depth);
	space[0] = 2;
}

static __attribute__((noinline)) void realigned(int depth)
{
	volatile char space[64] __attribute__((aligned(64)));
	volatile char *more = __builtin_alloca((size_t)(random() % 100 + 1));
	space[0] = more[0] = 1;
	go_on(depth);
	space[1] = more[0] = space[0];
}

static __attribute__((noinline)) void many_registers(int depth)
{
	long a = random(), b = random(), c = random(), d = random(), e = random(), f = random();
	go_on(depth);
	__asm__ volatile("" ::"r"(a), "r"(b), "r"(c), "r"(d), "r"(e), "r"(f));
}

static int sorting_depth;

static int by_walking(const void *a, const void *b)
{
	if (sorting_depth >= 0) {
		int depth = sorting_depth;
		sorting_depth = -1;
		go_on(depth);
	}
	return (a > b) - (a < b);
}

static __attribute__((noinline)) void library(int depth)
{
	int numbers[3] = { 3, 2, 1 };
	sorting_depth = depth;
	qsort(numbers, 3, sizeof(int), by_walking);
}

static node const shapes[6] = { small, large, variable, realigned, many_registers, library };

static __attribute__((noinline)) void compare_many(void)
{
	srandom(1);
	for (int i = 0; i < 20000; i++)
		go_on((int)(random() % 25));
}

static void test_random_stacks_equal_libunwinds(void **state)
{
	(void)state;
	uint64_t num_frames = 0;
	for (volatile int round = 0; round < 3; round++) { // volatile: one place in the code for all rounds
		num_frames = ledger_num_used(&ledger, LEDGER_FRAMES);
		compare_many();
	}
	// After the first time everything comes from the cache.
	assert_int_equal(num_compared, 60000);
	assert_true(num_kept_frames > 60000);
	assert_int_equal(ledger_num_used(&ledger, LEDGER_FRAMES), num_frames);
}

// The same function on the same stack, called from one of two places.
static __attribute__((noinline)) void from_two_places(int depth)
{
	if (random() % 2) {
		small(depth);
		__asm__ volatile("nop");
	} else {
		small(depth);
		__asm__ volatile("nop; nop");
	}
}

static void test_a_walk_like_the_last_one_but_for_one_call_is_not_mistaken_for_it(void **state)
{
	(void)state;
	srandom(1);
	for (int i = 0; i < 1000; i++)
		from_two_places(0);
	assert_int_equal(num_compared, 1000);
	assert_true(num_kept_frames > 1000);
}

static void on_signal(int number)
{
	(void)number;
	go_on(5);
}

static void test_walks_go_through_signal_frames(void **state)
{
	char space[65536];
	stack_t stack = { .ss_sp = space, .ss_size = sizeof(space) };
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };
	(void)state;
	sigaltstack(&stack, NULL);
	sigaction(SIGUSR1, &action, NULL);
	for (int i = 0; i < 100; i++) {
		small(0);
		raise(SIGUSR1);
	}
	assert_int_equal(num_compared, 200);
	stack.ss_flags = SS_DISABLE;
	sigaltstack(&stack, NULL);
}

static ucontext_t outside, inside;

static void coroutine(void)
{
	for (;;) {
		go_on(4);
		swapcontext(&inside, &outside);
	}
}

static void test_walks_end_at_the_root_of_a_coroutine(void **state)
{
	static char space[32768];
	(void)state;
	getcontext(&inside);
	inside.uc_stack.ss_sp = space;
	inside.uc_stack.ss_size = sizeof(space);
	makecontext(&inside, coroutine, 0);
	is_in_coroutine = true;
	for (int i = 0; i < 100; i++)
		swapcontext(&outside, &inside);
	is_in_coroutine = false;
	assert_int_equal(num_compared, 100);
}

static __attribute__((noinline)) enum walk_end descend(int depth)
{
	enum walk_end end = depth ? descend(depth - 1) : compare();
	__asm__ volatile("" ::"r"(end));
	return end;
}

static void test_a_stack_deeper_than_the_limit_is_truncated(void **state)
{
	(void)state;
	assert_int_equal(descend(300), WALK_COMPLETE);
	assert_int_equal(descend(600), WALK_TRUNCATED);
}

static void *in_thread(void *unused)
{
	(void)unused;
	for (int i = 0; i < 2000; i++)
		descend(i % 30);
	return NULL;
}

static void test_threads_share_the_rules(void **state)
{
	pthread_t threads[4];
	(void)state;
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, in_thread, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	// Every place is in the ledger once.
	for (uint64_t i = 3; i < ledger_num_used(&ledger, LEDGER_FRAMES); i++)
		for (uint64_t j = 3; j < i; j++)
			assert_int_not_equal(ledger.frames[i].address, ledger.frames[j].address);
}

static void test_wild_registers_end_the_walk(void **state)
{
	uint32_t frames[WALK_MAX_FRAMES];
	struct walk walk = { .frames = frames };
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	(void)state;
	srandom(3);
	for (int i = 0; i < 20000; i++) {
		struct origin origin = { .pc = (uintptr_t)random() << (random() % 32),
					 .sp = here + (uintptr_t)(random() % 4096 - 2048),
					 .fp = i % 2 ? here + (uintptr_t)(random() % 4096) : (uintptr_t)random() << 16 };
		if (i % 3 == 0)
			origin.pc = (uintptr_t)test_wild_registers_end_the_walk + (uintptr_t)(random() % 4000);
		walk_stack(&walk, &rules, &ledger, &memory, NULL, &origin, 0, 0);
		assert_true(walk.num_frames <= WALK_MAX_FRAMES);
	}
}

// Code without call-frame information, where rbp is believed.
void behind_a_call(void);
__asm__(".text\n"
	"	call *%rdi\n"
	"behind_a_call:\n"
	"	ret\n");

#define STACK_BYTES (2 << 20)
#define BELOW_BYTES (64 << 10)

// A walk on memory that lies below a thread's stack without a gap, and looks like a part of it; then memory in between
// is gone, and rbp leads there.
static void *walk_into_a_hole(void *below)
{
	uint32_t frames[WALK_MAX_FRAMES];
	struct walk walk = { .frames = frames };
	uintptr_t start = (uintptr_t)below;
	struct origin origin = { .pc = (uintptr_t)behind_a_call, .sp = start + 64, .fp = start + 96 };
	walk_stack(&walk, &rules, &ledger, &memory, NULL, &origin, 0, 0);
	munmap((char *)below + BELOW_BYTES / 4, BELOW_BYTES / 4);
	origin.fp = start + BELOW_BYTES / 4 + 96;
	walk_stack(&walk, &rules, &ledger, &memory, NULL, &origin, 0, 0);
	return (void *)(uintptr_t)(walk.end == WALK_ENDED && walk.num_frames == 1);
}

static void test_memory_that_is_gone_ends_the_walk(void **state)
{
	char *space = mmap(NULL, BELOW_BYTES + STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_attr_t attributes;
	pthread_t thread;
	void *is_right;
	(void)state;
	pthread_attr_init(&attributes);
	pthread_attr_setstack(&attributes, space + BELOW_BYTES, STACK_BYTES);
	pthread_create(&thread, &attributes, walk_into_a_hole, space);
	pthread_join(thread, &is_right);
	assert_non_null(is_right);
	munmap(space, BELOW_BYTES + STACK_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_random_stacks_equal_libunwinds, create, destroy),
		cmocka_unit_test_setup_teardown(test_a_walk_like_the_last_one_but_for_one_call_is_not_mistaken_for_it, create,
						destroy),
		cmocka_unit_test_setup_teardown(test_walks_go_through_signal_frames, create, destroy),
		cmocka_unit_test_setup_teardown(test_walks_end_at_the_root_of_a_coroutine, create, destroy),
		cmocka_unit_test_setup_teardown(test_a_stack_deeper_than_the_limit_is_truncated, create, destroy),
		cmocka_unit_test_setup_teardown(test_threads_share_the_rules, create, destroy),
		cmocka_unit_test_setup_teardown(test_memory_that_is_gone_ends_the_walk, create, destroy),
		cmocka_unit_test_setup_teardown(test_wild_registers_end_the_walk, create, destroy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
