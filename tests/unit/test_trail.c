// SPDX-License-Identifier: Apache-2.0
/*
 * Walks that go on as the last one did, compared with walks of the same stacks that look every step up: on trees of
 * calls of random shape (testdata/shapes.h), by the million.  libunwind, which is no judge of frames without
 * call-frame information, is not needed here; that whole walks are right is test_walk's.
 */
#include "unit/unit.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#include "shapes.h"
#include "unwind/walk.h"

#define NUM_LANES 3

// What a walk needs beside the thread's own; whoever comes takes one that is free.
struct lane {
	atomic_flag is_taken;
	struct trail trail;
	uint32_t frames[WALK_MAX_FRAMES]; // the last walk's, from the root
	size_t num_frames;
};

static struct ledger ledger;
static struct rules rules;
static struct lane lanes[NUM_LANES];
static _Thread_local struct stack_memory memory, other_memory;
static _Thread_local unsigned next_lane;
static _Thread_local volatile bool is_walking; // a signal handler that comes meanwhile does not, as in the profiler
static uintptr_t own_start, own_limit;
static _Atomic long num_compared, num_different, num_kept, num_frames, num_by_end[WALK_FULL + 1];

static int create(void **state)
{
	(void)state;
	memset(&rules, 0, sizeof(rules));
	memset(lanes, 0, sizeof(lanes));
	num_compared = num_different = num_kept = num_frames = 0;
	memset((void *)num_by_end, 0, sizeof(num_by_end));
	own_start = own_limit = 0;
	return ledger_create(&ledger, 64 << 20, 1) && rules_init(&rules, 1 << 14) ? 0 : -1;
}

static int destroy(void **state)
{
	(void)state;
	ledger_destroy(&ledger);
	return 0;
}

static struct lane *take_lane(void)
{
	for (;;) {
		struct lane *lane = &lanes[next_lane++ % NUM_LANES];
		if (!atomic_flag_test_and_set(&lane->is_taken))
			return lane;
	}
}

// The frames of a walk from the leaf, those included that are the lane's, which then keeps them all.
static void complete(struct lane *lane, struct walk *walk)
{
	num_kept += (long)walk->num_kept;
	if (walk->num_kept > lane->num_frames || walk->num_frames + walk->num_kept > WALK_MAX_FRAMES) {
		num_different++;
		walk->num_kept = 0;
	}
	for (; walk->num_kept; walk->num_kept--)
		walk->frames[walk->num_frames++] = lane->frames[walk->num_kept - 1];
	for (size_t i = 0; i < walk->num_frames; i++)
		lane->frames[i] = walk->frames[walk->num_frames - 1 - i];
	lane->num_frames = walk->num_frames;
}

static bool is_same(const struct walk *a, const struct walk *b)
{
	return a->num_frames == b->num_frames && a->end == b->end &&
	       memcmp(a->frames, b->frames, a->num_frames * sizeof(*a->frames)) == 0;
}

static void compare_from(const struct origin *origin)
{
	uint32_t frames[WALK_MAX_FRAMES], slow_frames[WALK_MAX_FRAMES];
	struct walk walk = { .frames = frames }, slow = { .frames = slow_frames };
	is_walking = true;
	walk_stack(&slow, &rules, &ledger, &other_memory, NULL, origin, own_start, own_limit);
	struct lane *lane = take_lane();
	walk_stack(&walk, &rules, &ledger, &memory, &lane->trail, origin, own_start, own_limit);
	complete(lane, &walk);
	atomic_flag_clear(&lane->is_taken);
	num_different += !is_same(&walk, &slow);
	num_frames += (long)slow.num_frames;
	num_by_end[slow.end]++;
	num_compared++;
	is_walking = false;
}

static __attribute__((noinline)) void compare(struct shapes *shapes)
{
	struct origin origin = ORIGIN();
	(void)shapes;
	compare_from(&origin);
}

// Frames that only rbp leads out of: code without call-frame information.
void without_information(struct shapes *shapes, int depth);
__asm__(".text\n"
	"without_information:\n"
	"	push %rbp\n"
	"	mov %rsp, %rbp\n"
	"	call shapes_grow@PLT\n"
	"	pop %rbp\n"
	"	ret\n");

static void grow_many(struct shapes *shapes, long num_leaves, int height)
{
	shapes->num_leaves = num_leaves;
	while (shapes->num_leaves > 0)
		shapes_grow(shapes, (int)shapes_random(shapes, (uint64_t)height));
}

static void assert_all_same(long least_compared)
{
	assert_int_equal(num_different, 0);
	assert_true(num_compared >= least_compared);
}

static void test_walks_of_random_trees(void **state)
{
	struct shapes shapes = { .random = 1, .leaf = compare, .can_jump = true };
	(void)state;
	grow_many(&shapes, 1000000, 25);
	assert_all_same(1000000);
	assert_int_equal(num_by_end[WALK_COMPLETE], 1000000);
	// Many frames are those of the walk before, or nothing is tested here.
	assert_true(num_kept > num_frames / 4);
}

static void test_walks_through_code_without_information(void **state)
{
	struct shapes shapes = { .random = 2, .leaf = compare, .extra = without_information, .can_jump = true };
	(void)state;
	grow_many(&shapes, 500000, 15);
	assert_all_same(500000);
	assert_true(num_kept > num_frames / 5);
}

static void test_walks_that_leave_frames_out(void **state)
{
	struct shapes shapes = { .random = 3, .leaf = compare };
	(void)state;
	own_start = (uintptr_t)shapes_omitting[0];
	own_limit = own_start + 4000;
	grow_many(&shapes, 300000, 25);
	assert_all_same(300000);
	assert_true(num_kept > num_frames / 4);
}

static __attribute__((noinline)) void descend(struct shapes *shapes, int depth, bool is_extra)
{
	if (depth > 0)
		descend(shapes, depth - 1, is_extra);
	else if (is_extra)
		compare(shapes);
	else
		shapes_grow(shapes, (int)shapes_random(shapes, 8));
	__asm__ volatile("");
}

static void test_walks_near_the_limit_of_frames(void **state)
{
	struct shapes shapes = { .random = 4, .leaf = compare };
	(void)state;
	shapes.num_leaves = 20000;
	while (shapes.num_leaves > 0)
		descend(&shapes, 480 + (int)shapes_random(&shapes, 30), false);
	assert_all_same(20000);
	assert_true(num_by_end[WALK_TRUNCATED] > 1000);
	assert_true(num_by_end[WALK_COMPLETE] > 1000);
}

static void *descend_in_thread(void *unused)
{
	module_range((uintptr_t)&pthread_create, &own_start, &own_limit);
	for (int depth = 480; depth < 520; depth++) {
		next_lane = 0;
		descend(NULL, depth, true);
	}
	return unused;
}

// The outermost frames of a thread are libc's, which is left out here.
static void test_walks_of_as_many_frames_as_there_may_be(void **state)
{
	pthread_t thread;
	(void)state;
	pthread_create(&thread, NULL, descend_in_thread, NULL);
	pthread_join(thread, NULL);
	assert_all_same(40);
	assert_true(num_by_end[WALK_TRUNCATED] > 5);
	assert_true(num_by_end[WALK_COMPLETE] > 5);
}

static void *in_thread(void *number)
{
	struct shapes shapes = { .random = 10 + (uint64_t)(uintptr_t)number, .leaf = compare, .can_jump = true };
	grow_many(&shapes, 50000, 25);
	return NULL;
}

// Also one thread after another on the same stack.
static void test_walks_of_threads_that_share_lanes(void **state)
{
	pthread_t threads[4];
	(void)state;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 4; i++)
			pthread_create(&threads[i], NULL, in_thread, (void *)(uintptr_t)i);
		for (int i = 0; i < 4; i++)
			pthread_join(threads[i], NULL);
	}
	assert_all_same(3 * 4 * 50000);
	assert_true(num_kept > 0);
}

#define NUM_COROUTINES 4
#define STACK_BYTES (256 << 10)

struct coroutine {
	ucontext_t context;
	char *stack;
	struct shapes shapes;
};

static struct coroutine coroutines[NUM_COROUTINES];
static ucontext_t outside;
static int running;

static void compare_and_yield(struct shapes *shapes)
{
	compare(shapes);
	if (shapes_random(shapes, 3) == 0)
		swapcontext(&coroutines[running].context, &outside);
}

static void run_coroutine(void)
{
	grow_many(&coroutines[running].shapes, 1000000, 12);
}

// On the same place as before, if there was one.
static void restart(struct coroutine *coroutine, uint64_t seed)
{
	if (coroutine->stack)
		munmap(coroutine->stack, STACK_BYTES);
	coroutine->stack = mmap(coroutine->stack, STACK_BYTES, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | (coroutine->stack ? MAP_FIXED : 0), -1, 0);
	coroutine->shapes = (struct shapes){ .random = seed, .leaf = compare_and_yield, .can_jump = true };
	getcontext(&coroutine->context);
	coroutine->context.uc_stack.ss_sp = coroutine->stack;
	coroutine->context.uc_stack.ss_size = STACK_BYTES - shapes_random(&coroutine->shapes, 4) * 4096;
	makecontext(&coroutine->context, run_coroutine, 0);
}

static void test_walks_of_coroutines(void **state)
{
	struct shapes shapes = { .random = 5 };
	(void)state;
	for (int i = 0; i < 40000; i++) {
		running = (int)shapes_random(&shapes, NUM_COROUTINES);
		if (i < NUM_COROUTINES || shapes_random(&shapes, 50) == 0)
			restart(&coroutines[running = i < NUM_COROUTINES ? i : running], (uint64_t)i + 1);
		swapcontext(&outside, &coroutines[running].context);
	}
	assert_all_same(100000);
	assert_true(num_kept > num_frames / 16);
	for (int i = 0; i < NUM_COROUTINES; i++)
		munmap(coroutines[i].stack, STACK_BYTES);
	memset(coroutines, 0, sizeof(coroutines));
}

static struct shapes of_handlers;

static void on_signal(int number)
{
	(void)number;
	if (is_walking)
		return;
	of_handlers.num_leaves = 1;
	shapes_grow(&of_handlers, 4);
}

static void compare_and_raise(struct shapes *shapes)
{
	compare(shapes);
	if (shapes_random(shapes, 20) == 0)
		raise(shapes_random(shapes, 2) ? SIGUSR1 : SIGUSR2);
}

static void handle(int number, int flags)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };
	sigfillset(&action.sa_mask);
	sigaction(number, &action, NULL);
}

// Raised, and at any moment.
static void test_walks_of_signal_handlers(void **state)
{
	static char space[256 << 10];
	stack_t stack = { .ss_sp = space, .ss_size = sizeof(space) };
	struct shapes shapes = { .random = 6, .leaf = compare_and_raise, .can_jump = true };
	struct itimerval often = { { 0, 500 }, { 0, 500 } }, never = { { 0, 0 }, { 0, 0 } };
	(void)state;
	of_handlers = (struct shapes){ .random = 7, .leaf = compare };
	sigaltstack(&stack, NULL);
	handle(SIGUSR1, SA_ONSTACK | SA_RESTART);
	handle(SIGUSR2, SA_RESTART);
	handle(SIGALRM, SA_RESTART);
	setitimer(ITIMER_REAL, &often, NULL);
	grow_many(&shapes, 200000, 20);
	setitimer(ITIMER_REAL, &never, NULL);
	stack.ss_flags = SS_DISABLE;
	sigaltstack(&stack, NULL);
	assert_all_same(205000);
	assert_true(num_kept > 0);
}

// A call, and then an instruction that the processor does not know.
void call_and_stop(void (*function)(struct shapes *));
__asm__(".text\n"
	"call_and_stop:\n"
	"	.cfi_startproc\n"
	"	push %rbx\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	call *%rdi\n"
	"	ud2\n"
	"	pop %rbx\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	ret\n"
	"	.cfi_endproc\n");

static void on_stop(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)info;
	next_lane = 0; // that of the call
	compare(NULL);
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 2;
}

// The registers of the interrupted frame are those that it had in the call, but its address is not that of the call.
static void test_a_frame_interrupted_right_behind_a_call_is_not_taken_for_the_call(void **state)
{
	struct sigaction action = { .sa_sigaction = on_stop, .sa_flags = SA_SIGINFO };
	(void)state;
	sigaction(SIGILL, &action, NULL);
	for (int i = 0; i < 10; i++) {
		next_lane = 0;
		call_and_stop(compare);
	}
	sigaction(SIGILL, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
	assert_all_same(20);
}

// The same code twice; of the second it is said that the caller's rbp is lost.
void call_with_rbp(void (*function)(struct shapes *));
void call_without_rbp(void (*function)(struct shapes *));
#define CALL(name, information)               \
	__asm__(".text\n" name ":\n"          \
		"	.cfi_startproc\n" information \
		"	push %rbx\n"                  \
		"	.cfi_adjust_cfa_offset 8\n"   \
		"	call *%rdi\n"                 \
		"	pop %rbx\n"                   \
		"	.cfi_adjust_cfa_offset -8\n"  \
		"	ret\n"                        \
		"	.cfi_endproc\n")
CALL("call_with_rbp", "");
CALL("call_without_rbp", "	.cfi_undefined %rbp\n");

typedef void (*caller)(void (*)(struct shapes *));

// Frames that rbp is needed to leave.
static __attribute__((noinline)) void call_with_room(caller call, size_t size)
{
	volatile char *space = __builtin_alloca(size);
	next_lane = 0;
	space[0] = 1;
	call(compare);
	space[0] = 2;
}

// In both cases call_with_room() calls from the same place on the stack, but has its frame elsewhere.
static __attribute__((noinline)) void call_with_room_from_two_places(caller call, bool is_first)
{
	volatile char *space = __builtin_alloca(is_first ? 1024 : 512);
	space[0] = 1;
	if (is_first) {
		call_with_room(call, 512);
		__asm__ volatile("nop");
	} else {
		call_with_room(call, 1024);
		__asm__ volatile("nop; nop");
	}
	space[0] = 2;
}

static void test_a_frame_whose_rbp_is_lost_is_not_taken_for_one_whose_is_known(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++)
		call_with_room(i % 2 ? call_without_rbp : call_with_rbp, 100);
	assert_all_same(10);
	assert_int_equal(num_by_end[WALK_LOST], 5);
}

// Its rbp leads to the same place, but there is another one.
void call_without_information(void (*function)(struct shapes *));
__asm__(".text\n"
	"call_without_information:\n"
	"	push %rbp\n"
	"	mov %rsp, %rbp\n"
	"	call *%rdi\n"
	"	pop %rbp\n"
	"	ret\n");

static void test_a_guessed_step_is_not_taken_for_the_one_before(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++)
		call_with_room_from_two_places(call_without_information, i % 2 == 0);
	assert_all_same(10);
}

static void test_nothing_is_kept_when_code_may_have_changed(void **state)
{
	struct shapes shapes = { .random = 8, .leaf = compare };
	(void)state;
	for (int i = 0; i < 20; i++) {
		next_lane = 0;
		descend(&shapes, 5, true);
		next_lane = 0;
		long kept = num_kept;
		if (i % 2) {
			rules_begin_close(&rules);
			rules_end_close(&rules);
		}
		descend(&shapes, 5, true);
		if (i % 2)
			assert_int_equal(num_kept, kept);
		else
			assert_true(num_kept > kept);
	}
	assert_all_same(40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_walks_of_random_trees, create, destroy),
		cmocka_unit_test_setup_teardown(test_walks_through_code_without_information, create, destroy),
		cmocka_unit_test_setup_teardown(test_walks_that_leave_frames_out, create, destroy),
		cmocka_unit_test_setup_teardown(test_walks_near_the_limit_of_frames, create, destroy),
		cmocka_unit_test_setup_teardown(test_walks_of_as_many_frames_as_there_may_be, create, destroy),
		cmocka_unit_test_setup_teardown(test_walks_of_threads_that_share_lanes, create, destroy),
		cmocka_unit_test_setup_teardown(test_walks_of_coroutines, create, destroy),
		cmocka_unit_test_setup_teardown(test_walks_of_signal_handlers, create, destroy),
		cmocka_unit_test_setup_teardown(test_a_frame_interrupted_right_behind_a_call_is_not_taken_for_the_call, create, destroy),
		cmocka_unit_test_setup_teardown(test_a_frame_whose_rbp_is_lost_is_not_taken_for_one_whose_is_known, create, destroy),
		cmocka_unit_test_setup_teardown(test_a_guessed_step_is_not_taken_for_the_one_before, create, destroy),
		cmocka_unit_test_setup_teardown(test_nothing_is_kept_when_code_may_have_changed, create, destroy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
