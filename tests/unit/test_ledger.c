// SPDX-License-Identifier: Apache-2.0
#include "unit/unit.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ledger/ledger.h"
#include "ledger/mappings.h"

static void test_a_new_ledger_has_only_what_is_special(void **state)
{
	struct ledger ledger;
	(void)state;
	assert_true(ledger_create(&ledger, 1 << 20, 512));
	assert_int_equal(ledger_num_used(&ledger, LEDGER_FRAMES), 1 + LEDGER_NUM_SPECIAL_FRAMES);
	assert_int_equal(ledger_num_used(&ledger, LEDGER_SITES), 2);
	assert_int_equal(ledger_num_used(&ledger, LEDGER_BLOCKS), 1);
	assert_int_equal(ledger.nodes[ledger.sites[LEDGER_SITE_FULL].node].frame, LEDGER_FRAME_FULL);
	ledger_destroy(&ledger);
	assert_null(ledger.header);
}

static uint64_t resident_bytes(const void *start)
{
	char line[512];
	unsigned long from, kib;
	uint64_t result = 0;
	int is_ours = 0;
	FILE *maps = fopen("/proc/self/smaps", "r");
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-", &from) == 1 && strchr(line, '-'))
			is_ours = from == (unsigned long)start;
		if (is_ours && sscanf(line, "Rss: %lu kB", &kib) == 1)
			result = kib * 1024;
	}
	fclose(maps);
	return result;
}

static void test_memory_stays_below_the_limit_whatever_fills_it(void **state)
{
	static const enum ledger_region_number regions[] = { LEDGER_BLOCKS, LEDGER_NODES, LEDGER_FRAMES };
	(void)state;
	for (size_t i = 0; i < sizeof(regions) / sizeof(regions[0]); i++) {
		struct ledger ledger;
		uint32_t index;
		assert_true(ledger_create(&ledger, 4 << 20, 1));
		uint64_t element_bytes = ledger.header->regions[regions[i]].element_bytes;
		char *table = (char *)ledger.header + ledger.header->regions[regions[i]].offset;
		uint64_t num_added = 0;
		for (; (index = ledger_add(&ledger, regions[i], 1)); num_added++)
			memset(table + index * element_bytes, 0xff, element_bytes);
		assert_true(num_added * element_bytes > 3 << 20);
		assert_true(ledger.header->charged_bytes <= 4 << 20);
		assert_true(resident_bytes(ledger.header) <= 4 << 20);
		assert_int_equal(ledger_add(&ledger, LEDGER_SITES, 10000), 0);
		ledger_destroy(&ledger);
	}
}

static void test_strings_are_kept_and_the_empty_one_is_zero(void **state)
{
	struct ledger ledger;
	(void)state;
	assert_true(ledger_create(&ledger, 1 << 20, 1));
	assert_int_equal(ledger_add_string(&ledger, ""), 0);
	uint32_t first = ledger_add_string(&ledger, "/usr/bin/true"), second = ledger_add_string(&ledger, "x");
	assert_string_equal(ledger.strings + first, "/usr/bin/true");
	assert_string_equal(ledger.strings + second, "x");
	assert_string_equal(ledger.strings, "");
	ledger_destroy(&ledger);
}

static void test_mappings_that_find_no_room_are_counted(void **state)
{
	struct ledger ledger;
	struct mapping mapping = { .start = 4096, .limit = 8192, .path = "/lib/x", .build_id = "ab" };
	(void)state;
	assert_true(ledger_create(&ledger, 1 << 20, 1));
	int num_added = 0;
	while (mapping_add(&ledger, &mapping))
		num_added++;
	assert_true(num_added > 1000);
	assert_int_equal(ledger_get_count(&ledger, LEDGER_COUNTER_dropped_mappings), 1);
	ledger_destroy(&ledger);
}

// Run in a child, whose limits do not disturb the other tests.
static int status_in_child(void (*function)(void))
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		function();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return status;
}

static void create_with_little_address_space(void)
{
	struct ledger ledger;
	struct rlimit limit = { 300 << 20, 300 << 20 };
	setrlimit(RLIMIT_AS, &limit);
	if (!ledger_create(&ledger, UINT64_C(1) << 30, 1) || ledger.header->limit_bytes >= UINT64_C(1) << 30)
		_exit(1);
}

static void create_with_small_files(void)
{
	struct ledger ledger;
	struct rlimit limit = { 4096, 4096 };
	setrlimit(RLIMIT_FSIZE, &limit);
	if (!ledger_create(&ledger, 1 << 20, 1))
		_exit(1);
	memset(ledger.blocks, 1, 100000);
}

static void test_little_address_space_makes_a_smaller_ledger(void **state)
{
	(void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	skip(); // a sanitizer's own memory takes terabytes of address space
#endif
	assert_int_equal(status_in_child(create_with_little_address_space), 0);
}

static void test_a_limit_on_file_sizes_does_no_harm(void **state)
{
	(void)state;
	assert_int_equal(status_in_child(create_with_small_files), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_new_ledger_has_only_what_is_special),
		cmocka_unit_test(test_memory_stays_below_the_limit_whatever_fills_it),
		cmocka_unit_test(test_strings_are_kept_and_the_empty_one_is_zero),
		cmocka_unit_test(test_mappings_that_find_no_room_are_counted),
		cmocka_unit_test(test_little_address_space_makes_a_smaller_ledger),
		cmocka_unit_test(test_a_limit_on_file_sizes_does_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
