// SPDX-License-Identifier: Apache-2.0
// Branches, on a stack made by hand.  That walks along them are right is test_trail's.
#include "unit/unit.h"

#include <string.h>

#include "unwind/walk.h"

#define NUM_WORDS 64

static uintptr_t words[NUM_WORDS];
static struct branches branches;
static struct trail trail;
static struct stack stack;
static const uint32_t frames[] = { 7, 8, 9 };

// Three frames of eight words: return address at the top, below it in the second one the caller's rbp.
static int create(void **state)
{
	(void)state;
	memset(&branches, 0, sizeof(branches));
	memset(&trail, 0, sizeof(trail));
	stack = (struct stack){ .low = (uintptr_t)words, .limit = (uintptr_t)(words + NUM_WORDS), .is_own = true };
	for (uintptr_t i = 0; i < 4; i++) {
		trail.steps[i] = (struct trail_step){ .pc = 0x1000 + i, .sp = (uintptr_t)(words + 8 * i), .fp = i < 2 ? 1 : 2,
						      .has_fp = true, .num_frames = 1, .link = TRAIL_CALL, .rbp = i == 1 ? 2 : 0 };
		words[8 * i + 7] = 0x1000 + i + 1;
	}
	words[8 + 6 + 0] = 2;
	trail.epoch = 5;
	trail.num_new = 4;
	trail.steps[3].link = TRAIL_LAST;
	branches_keep(&branches, NULL, &trail, NULL, frames);
	return 0;
}

static struct branch *find(uint32_t epoch)
{
	return branches_find(&branches, epoch, &trail.steps[0], &stack);
}

static void test_the_same_words_on_the_stack_are_the_same_steps(void **state)
{
	(void)state;
	struct branch *branch = find(5);
	assert_non_null(branch);
	assert_int_equal(branch->num_steps, 3);
	assert_int_equal(branch->steps[3].pc, 0x1003);
	assert_memory_equal(branch->frames, frames, sizeof(frames));
}

static void test_each_word_counts(void **state)
{
	(void)state;
	static const int counted[] = { 7, 8 + 7, 8 + 6, 16 + 7 };
	for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++) {
		words[counted[i]]++;
		assert_null(find(5));
		words[counted[i]]--;
		assert_non_null(find(5));
	}
	words[16 + 6]++; // not a word that a step is made of
	assert_non_null(find(5));
}

static void test_what_was_true_of_other_code_is_forgotten(void **state)
{
	(void)state;
	assert_null(find(6));
}

static void test_the_start_must_be_the_same(void **state)
{
	(void)state;
	trail.steps[0].fp = 3;
	assert_null(find(5));
}

static void test_only_what_lies_on_the_threads_own_stack_is_read(void **state)
{
	(void)state;
	stack.is_own = false;
	assert_null(find(5));
	stack.is_own = true;
	stack.limit = (uintptr_t)(words + 16); // the third frame would be beyond it
	assert_null(find(5));
}

static void test_walks_that_hardly_ever_come_again_are_hardly_ever_kept(void **state)
{
	(void)state;
	uint32_t num_kept = branches.num_kept;
	for (uintptr_t i = 0; i < 1600; i++) {
		trail.steps[0].pc = 0x2000 + i;
		branches_keep(&branches, NULL, &trail, NULL, frames);
	}
	assert_in_range(branches.num_kept - num_kept, 90, 110);
}

// A thread may leave a walk at any instant, with any of this half written.
static void test_a_memory_of_walks_that_was_left_in_the_middle_is_forgotten_as_a_whole(void **state)
{
	(void)state;
	static struct walk_memory memory;
	memory.branches = &branches;
	memory.trail.num_kept = 3;
	memory.recent.epoch = 5;
	memory.recent.found[1].pc = 0x1000;
	walk_forget(&memory);
	assert_null(find(5));
	assert_int_equal(memory.trail.num_kept, 0);
	assert_int_equal(memory.recent.found[1].pc, 0);
	memory.branches = NULL; // where walks are rare
	walk_forget(&memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_the_same_words_on_the_stack_are_the_same_steps, create),
		cmocka_unit_test_setup(test_each_word_counts, create),
		cmocka_unit_test_setup(test_what_was_true_of_other_code_is_forgotten, create),
		cmocka_unit_test_setup(test_the_start_must_be_the_same, create),
		cmocka_unit_test_setup(test_only_what_lies_on_the_threads_own_stack_is_read, create),
		cmocka_unit_test_setup(test_walks_that_hardly_ever_come_again_are_hardly_ever_kept, create),
		cmocka_unit_test_setup(test_a_memory_of_walks_that_was_left_in_the_middle_is_forgotten_as_a_whole, create),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
