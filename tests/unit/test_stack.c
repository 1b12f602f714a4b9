// SPDX-License-Identifier: Apache-2.0
#include "unit/unit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "base/system.h"
#include "unwind/stack.h"

static void test_own_stack_is_readable_up_to_its_top_and_no_further(void **state)
{
	struct stack_memory memory = { 0 };
	struct stack stack;
	uintptr_t local = 0x1234567, value;
	(void)state;
	stack_init(&stack, &memory, (uintptr_t)&local & ~4095UL);
	assert_true(stack.is_own);
	assert_true(stack_read(&stack, (uintptr_t)&local, &value));
	assert_int_equal(value, 0x1234567);
	assert_true(stack_read(&stack, stack.limit - 8, &value));
	assert_false(stack_read(&stack, stack.limit, &value));
	assert_false(stack_read(&stack, stack.low - 8, &value));
	assert_false(stack_read(&stack, stack.low + 1, &value));
}

static void *in_thread(void *unused)
{
	struct stack_memory memory = { 0 };
	struct stack stack;
	stack_init(&stack, &memory, (uintptr_t)__builtin_frame_address(0) & ~7UL);
	(void)unused;
	return (void *)(uintptr_t)(stack.is_own && stack.limit == ((uintptr_t)pthread_self() & ~7UL));
}

static void test_a_thread_knows_its_own_stack(void **state)
{
	pthread_t thread;
	pthread_attr_t attributes;
	void *result;
	(void)state;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 64 * 1024);
	pthread_create(&thread, &attributes, in_thread, NULL);
	pthread_join(thread, &result);
	assert_non_null(result);
}

static void test_a_foreign_stack_is_readable_up_to_the_memory_behind_it(void **state)
{
	struct stack_memory memory = { 0 };
	struct stack stack;
	uintptr_t value;
	(void)state;
	char *pages = mmap(NULL, 6 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(pages + 4 * 4096, 4096, PROT_NONE);
	uintptr_t sp = (uintptr_t)pages + 4096 + 64;
	stack_init(&stack, &memory, sp);
	assert_false(stack.is_own);
	assert_true(stack_read(&stack, sp, &value));
	assert_true(stack_read(&stack, (uintptr_t)pages + 4 * 4096 - 8, &value));
	assert_false(stack_read(&stack, (uintptr_t)pages + 4 * 4096, &value));
	assert_false(stack_read(&stack, (uintptr_t)pages + 5 * 4096, &value));
	// The same stack, smaller: nothing of what was seen is believed again.
	munmap(pages + 2 * 4096, 2 * 4096);
	stack_init(&stack, &memory, sp);
	assert_true(stack_read(&stack, (uintptr_t)pages + 2 * 4096 - 8, &value));
	assert_false(stack_read(&stack, (uintptr_t)pages + 2 * 4096, &value));
	munmap(pages, 6 * 4096);
}

static void test_memory_is_asked_for_without_a_fault(void **state)
{
	(void)state;
	assert_true(system_can_read((uintptr_t)&state));
	assert_false(system_can_read(8));
	assert_false(system_can_read(UINT64_C(0x7ffffffff000)));
	assert_false(system_can_read(UINT64_C(0xffffffffff000000)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_stack_is_readable_up_to_its_top_and_no_further),
		cmocka_unit_test(test_a_thread_knows_its_own_stack),
		cmocka_unit_test(test_a_foreign_stack_is_readable_up_to_the_memory_behind_it),
		cmocka_unit_test(test_memory_is_asked_for_without_a_fault),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
