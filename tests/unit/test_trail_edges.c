// SPDX-License-Identifier: Apache-2.0
/*
 * Walks that must not go on as the last one did, or only so far, though nearly all is as it was: cases that random
 * trees of calls (test_trail.c) do not meet.
 */
#include "unit/unit.h"

#include <pthread.h>
#include <signal.h>
#include <ucontext.h>

#include "two_walks.h"

static void *descend_in_thread(void *unused)
{
	module_range((uintptr_t)&pthread_create, &two_walks.own_start, &two_walks.own_limit);
	for (int depth = 480; depth < 520; depth++) {
		two_walks_next_lane = 0;
		two_walks_descend(depth, NULL);
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
	two_walks_assert_same(40);
	assert_true(two_walks.num_by_end[WALK_TRUNCATED] > 5);
	assert_true(two_walks.num_by_end[WALK_COMPLETE] > 5);
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
	two_walks_next_lane = 0; // that of the call
	two_walks_compare(NULL);
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 2;
}

// The registers of the interrupted frame are those that it had in the call, but its address is not that of the call.
static void test_a_frame_interrupted_right_behind_a_call_is_not_taken_for_the_call(void **state)
{
	struct sigaction action = { .sa_sigaction = on_stop, .sa_flags = SA_SIGINFO };
	(void)state;
	sigaction(SIGILL, &action, NULL);
	for (int i = 0; i < 10; i++) {
		two_walks_next_lane = 0;
		call_and_stop(two_walks_compare);
	}
	sigaction(SIGILL, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
	two_walks_assert_same(20);
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
	two_walks_next_lane = 0;
	space[0] = 1;
	call(two_walks_compare);
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
	two_walks_assert_same(10);
	assert_int_equal(two_walks.num_by_end[WALK_LOST], 5);
}

// rbp, which leads out of it, is the same, but leads to another rbp of the caller.
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
	two_walks_assert_same(10);
}

static void test_nothing_is_kept_when_code_may_have_changed(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		two_walks_next_lane = 0;
		two_walks_descend(5, NULL);
		two_walks_next_lane = 0;
		long kept = two_walks.num_kept;
		if (i % 2) {
			rules_begin_close(&two_walks.rules);
			rules_end_close(&two_walks.rules);
		}
		two_walks_descend(5, NULL);
		if (i % 2)
			assert_int_equal(two_walks.num_kept, kept);
		else
			assert_true(two_walks.num_kept > kept);
	}
	two_walks_assert_same(40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_walks_of_as_many_frames_as_there_may_be, two_walks_create, two_walks_destroy),
		cmocka_unit_test_setup_teardown(test_a_frame_interrupted_right_behind_a_call_is_not_taken_for_the_call, two_walks_create, two_walks_destroy),
		cmocka_unit_test_setup_teardown(test_a_frame_whose_rbp_is_lost_is_not_taken_for_one_whose_is_known, two_walks_create, two_walks_destroy),
		cmocka_unit_test_setup_teardown(test_a_guessed_step_is_not_taken_for_the_one_before, two_walks_create, two_walks_destroy),
		cmocka_unit_test_setup_teardown(test_nothing_is_kept_when_code_may_have_changed, two_walks_create, two_walks_destroy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
