// SPDX-License-Identifier: Apache-2.0
/*
 * Walks that go on as the last one did, compared with walks of the same stacks that look every step up: on trees of
 * calls of random shape (testdata/shapes.h), by the million.  libunwind, which is no judge of frames without
 * call-frame information, is not needed here; that whole walks are right is test_walk's.
 */
#include "unit/unit.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>

#include "two_walks.h"

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

static void test_walks_of_random_trees(void **state)
{
	struct shapes shapes = { .random = 1, .leaf = two_walks_compare, .can_jump = true };
	(void)state;
	grow_many(&shapes, 1000000, 25);
	two_walks_assert_same(1000000);
	assert_int_equal(two_walks.num_by_end[WALK_COMPLETE], 1000000);
	// Many frames are those of the walk before, or nothing is tested here.
	assert_true(two_walks.num_kept > two_walks.num_frames / 4);
}

static void test_walks_through_code_without_information(void **state)
{
	struct shapes shapes = { .random = 2, .leaf = two_walks_compare, .extra = without_information, .can_jump = true };
	(void)state;
	grow_many(&shapes, 500000, 15);
	two_walks_assert_same(500000);
	assert_true(two_walks.num_kept > two_walks.num_frames / 5);
}

static void test_walks_that_leave_frames_out(void **state)
{
	struct shapes shapes = { .random = 3, .leaf = two_walks_compare };
	(void)state;
	two_walks.own_start = (uintptr_t)shapes_omitting[0];
	two_walks.own_limit = two_walks.own_start + 4000;
	grow_many(&shapes, 300000, 25);
	two_walks_assert_same(300000);
	assert_true(two_walks.num_kept > two_walks.num_frames / 4);
}

static void test_walks_near_the_limit_of_frames(void **state)
{
	struct shapes shapes = { .random = 4, .leaf = two_walks_compare };
	(void)state;
	shapes.num_leaves = 20000;
	while (shapes.num_leaves > 0)
		two_walks_descend(480 + (int)shapes_random(&shapes, 30), &shapes);
	two_walks_assert_same(20000);
	assert_true(two_walks.num_by_end[WALK_TRUNCATED] > 1000);
	assert_true(two_walks.num_by_end[WALK_COMPLETE] > 1000);
}

static void *in_thread(void *number)
{
	struct shapes shapes = { .random = 10 + (uint64_t)(uintptr_t)number, .leaf = two_walks_compare, .can_jump = true };
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
	two_walks_assert_same(3 * 4 * 50000);
	assert_true(two_walks.num_kept > 0);
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
	two_walks_compare(shapes);
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
	two_walks_assert_same(100000);
	assert_true(two_walks.num_kept > two_walks.num_frames / 16);
	for (int i = 0; i < NUM_COROUTINES; i++)
		munmap(coroutines[i].stack, STACK_BYTES);
	memset(coroutines, 0, sizeof(coroutines));
}

static struct shapes of_handlers;

static void on_signal(int number)
{
	(void)number;
	if (two_walks_are_under_way)
		return;
	of_handlers.num_leaves = 1;
	shapes_grow(&of_handlers, 4);
}

static void compare_and_raise(struct shapes *shapes)
{
	two_walks_compare(shapes);
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
	of_handlers = (struct shapes){ .random = 7, .leaf = two_walks_compare };
	sigaltstack(&stack, NULL);
	handle(SIGUSR1, SA_ONSTACK | SA_RESTART);
	handle(SIGUSR2, SA_RESTART);
	handle(SIGALRM, SA_RESTART);
	setitimer(ITIMER_REAL, &often, NULL);
	grow_many(&shapes, 200000, 20);
	setitimer(ITIMER_REAL, &never, NULL);
	stack.ss_flags = SS_DISABLE;
	sigaltstack(&stack, NULL);
	two_walks_assert_same(205000);
	assert_true(two_walks.num_kept > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_walks_of_random_trees, two_walks_create, two_walks_destroy),
		cmocka_unit_test_setup_teardown(test_walks_through_code_without_information, two_walks_create, two_walks_destroy),
		cmocka_unit_test_setup_teardown(test_walks_that_leave_frames_out, two_walks_create, two_walks_destroy),
		cmocka_unit_test_setup_teardown(test_walks_near_the_limit_of_frames, two_walks_create, two_walks_destroy),
		cmocka_unit_test_setup_teardown(test_walks_of_threads_that_share_lanes, two_walks_create, two_walks_destroy),
		cmocka_unit_test_setup_teardown(test_walks_of_coroutines, two_walks_create, two_walks_destroy),
		cmocka_unit_test_setup_teardown(test_walks_of_signal_handlers, two_walks_create, two_walks_destroy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
