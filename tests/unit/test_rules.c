// SPDX-License-Identifier: Apache-2.0
#include "unit/unit.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/system.h"
#include "ledger/read.h"
#include "unwind/rules.h"

static struct ledger ledger;
static struct rules rules;

static int create(void **state)
{
	(void)state;
	memset(&rules, 0, sizeof(rules));
	return ledger_create(&ledger, 4 << 20, 1) && rules_init(&rules, 1 << 10) ? 0 : -1;
}

static int destroy(void **state)
{
	(void)state;
	ledger_destroy(&ledger);
	return 0;
}

static void test_code_of_the_program_has_its_mapping(void **state)
{
	struct place place;
	uint32_t mapping;
	uint64_t address;
	char path[4096] = { 0 };
	(void)state;
	assert_true(readlink("/proc/self/exe", path, sizeof(path) - 1) > 0);
	assert_true(rules_find(&rules, &ledger, (uintptr_t)create + 20, true, &place));
	assert_true(read_frame(&ledger, place.frame, &mapping, &address));
	const struct ledger_mapping *entered = read_mapping(&ledger, mapping);
	assert_non_null(entered);
	assert_int_equal(address, (uintptr_t)create + 20);
	assert_true(address >= entered->start && address < entered->limit);
	assert_int_equal(entered->start % 4096, 0);
	assert_string_equal(read_string(&ledger, entered->path), path);
	assert_int_not_equal(place.rule.kind, RULE_UNKNOWN);
}

static void test_code_of_no_module_has_a_frame_and_no_rule(void **state)
{
	struct place place;
	uint32_t mapping;
	uint64_t address;
	(void)state;
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(rules_find(&rules, &ledger, (uintptr_t)page + 5, true, &place));
	assert_true(read_frame(&ledger, place.frame, &mapping, &address));
	assert_int_equal(mapping, 0);
	assert_int_equal(place.rule.kind, RULE_UNKNOWN);
	munmap(page, 4096);
}

static void test_the_same_place_is_found_again_after_everything_was_forgotten(void **state)
{
	struct place before, after;
	(void)state;
	assert_true(rules_find(&rules, &ledger, (uintptr_t)create + 20, true, &before));
	for (int i = 0; i < 70000; i++) { // more than keys tell apart
		rules_begin_close(&rules);
		rules_end_close(&rules);
	}
	assert_true(rules_find(&rules, &ledger, (uintptr_t)create + 20, true, &after));
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(ledger_num_used(&ledger, LEDGER_MAPPINGS), 2);
}

// What was found in one of them must not be taken for what is found in another.
static void test_epochs_do_not_come_back(void **state)
{
	uint32_t first = rules_epoch(&rules);
	(void)state;
	for (int i = 0; i < 70000; i++) {
		rules_begin_close(&rules);
		rules_end_close(&rules);
		assert_int_not_equal(rules_epoch(&rules), first);
	}
}

static void test_a_lock_of_a_thread_that_is_gone_is_taken_over(void **state)
{
	struct place place;
	(void)state;
	atomic_store(&rules.lock, 0x3ffffff0); // no thread has this id
	assert_true(rules_find(&rules, &ledger, (uintptr_t)create + 30, true, &place));
	assert_int_equal(atomic_load(&rules.lock), 0);
}

static void test_more_places_than_slots_are_all_right(void **state)
{
	(void)state;
	for (int round = 0; round < 2; round++) {
		for (uintptr_t i = 0; i < 3000; i++) {
			struct place place;
			uint32_t mapping;
			uint64_t address;
			assert_true(rules_find(&rules, &ledger, (uintptr_t)&printf + i, true, &place));
			assert_true(read_frame(&ledger, place.frame, &mapping, &address));
			assert_int_equal(address, (uintptr_t)&printf + i);
		}
	}
}

// AddressSanitizer's memcpy would object to what lies between the program's variables.
__attribute__((no_sanitize("address"))) static void copy_page(volatile unsigned char *to, const volatile unsigned char *from)
{
	for (int i = 0; i < 4096; i++)
		to[i] = from[i];
}

// An .eh_frame that lies: every byte of a real one changed in turn, all of it read.
static void test_damaged_call_frame_information_never_faults(void **state)
{
	struct dl_find_object object;
	(void)state;
	assert_int_equal(_dl_find_object((void *)create, &object), 0);
	uintptr_t start = (uintptr_t)object.dlfo_map_start, limit = (uintptr_t)object.dlfo_map_end;
	size_t size_bytes = limit - start, header_at = (uintptr_t)object.dlfo_eh_frame - start;
	unsigned char *copy = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (size_t page = 0; page < size_bytes; page += 4096)
		if (system_can_read(start + page))
			copy_page(copy + page, (void *)(start + page));
	struct cfi_module module = { .start = (uintptr_t)copy, .limit = (uintptr_t)copy + size_bytes,
				     .data_start = (uintptr_t)copy, .data_limit = (uintptr_t)copy + size_bytes,
				     .eh_frame_header = (uintptr_t)copy + header_at };
	uintptr_t pc = (uintptr_t)copy + ((uintptr_t)create + 20 - start);
	assert_int_equal(cfi_find_rule(&module, pc, false).kind, CFI_FRAME);
	int num_different = 0;
	size_t length = size_bytes - header_at < 4000 ? size_bytes - header_at : 4000;
	for (size_t i = 0; i < length; i++) {
		for (int bit = 0; bit < 8; bit++) {
			copy[header_at + i] ^= (unsigned char)(1 << bit);
			num_different += cfi_find_rule(&module, pc, false).kind != CFI_FRAME;
			copy[header_at + i] ^= (unsigned char)(1 << bit);
		}
	}
	assert_true(num_different > 0);
	munmap(copy, size_bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_code_of_the_program_has_its_mapping, create, destroy),
		cmocka_unit_test_setup_teardown(test_code_of_no_module_has_a_frame_and_no_rule, create, destroy),
		cmocka_unit_test_setup_teardown(test_the_same_place_is_found_again_after_everything_was_forgotten, create, destroy),
		cmocka_unit_test_setup_teardown(test_epochs_do_not_come_back, create, destroy),
		cmocka_unit_test_setup_teardown(test_a_lock_of_a_thread_that_is_gone_is_taken_over, create, destroy),
		cmocka_unit_test_setup_teardown(test_more_places_than_slots_are_all_right, create, destroy),
		cmocka_unit_test_setup_teardown(test_damaged_call_frame_information_never_faults, create, destroy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
