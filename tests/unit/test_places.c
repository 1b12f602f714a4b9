// SPDX-License-Identifier: Apache-2.0
// Code of several profiles, told by what a store pushes in the end.
#include "unit/unit.h"

#include <string.h>

#include "unit/store_by_hand.h"

static void test_the_same_code_elsewhere_is_the_same(void **state)
{
	(void)state;
	push_process(STORE_ADD, 0x555500000000, 0x7fff00000000, 1);
	push_process(STORE_ADD, 0x666600000000, 0x7eee00000000, 2);
	assert_string_equal(result(), "period 1 time 1 duration 0\n"
				      "mapping 1: 555500000000-555500002000 1000 '/bin/program' ''\n"
				      "mapping 2: 7fff00000000-7fff00004000 1000 '/lib/library' 'ab12'\n"
				      "location 1: 1 555500000010 -\n"
				      "location 2: 2 7fff00000020 -\n"
				      "sample 2 1: 3 30 2 200\n");
}

static void test_mappings_differ_by_size_in_pages_offset_and_build_id(void **state)
{
	(void)state;
	const struct profile_sink *sink = begin(STORE_ADD, 1, 1);
	struct profile_mapping mapping = { .start = 0x10000, .limit = 0x11001, .offset = 0x1000 };
	uint64_t step = 0x100000;
	for (uint32_t i = 1; i <= 6; i++, mapping.start += step, mapping.limit += step) {
		mapping.id = i;
		mapping.limit += i == 2 ? 0xfff : i == 3; // still two pages; three pages
		mapping.offset += i == 4;
		mapping.build_id = i == 5 ? "cd" : "ab";
		mapping.path = i == 6 ? "/bin/other" : "/bin/x";
		sink->mapping(sink->context, &mapping);
		push_location(sink, i, i, mapping.start + 1, 0);
		assert_true(push_sample(sink, i, 0, 1, 1, 1, 1));
	}
	const char *text = result();
	assert_non_null(strstr(text, "sample 1: 2 2 2 2\nsample 2: 1 1 1 1\nsample 3: 2 2 2 2\nsample 4: 1 1 1 1\n"));
	assert_null(strstr(text, "/bin/other")); // the build id tells
	assert_null(strstr(text, "mapping 5"));
}

static void test_code_without_a_file_is_told_by_its_address(void **state)
{
	(void)state;
	const struct profile_sink *sink = begin(STORE_ADD, 1, 1);
	push_mapping(sink, 1, 0x1000, 0x1000, "", "");
	push_mapping(sink, 2, 0x5000, 0x1000, "", "");
	push_mapping(sink, 3, 0x9000, 0x1000, "//anon", "");
	push_mapping(sink, 4, 0xd000, 0x1000, "//anon", "");
	for (uint32_t i = 1; i <= 4; i++) {
		push_location(sink, i, i, 0x1000 + (i - 1) * 0x4000, 0);
		assert_true(push_sample(sink, i, 0, i, 1, 1, 1));
	}
	push_location(sink, 5, 0, 0x1000, 0);
	push_function(sink, 1, "[truncated]");
	push_function(sink, 2, "[ledger full]");
	push_location(sink, 6, 0, 0, 1);
	push_location(sink, 7, 0, 0, 2);
	push_location(sink, 8, 0, 0, 1);
	for (uint32_t i = 5; i <= 8; i++)
		assert_true(push_sample(sink, i, 0, i, 1, 1, 1));
	assert_non_null(strstr(result(), "location 5: 0 1000 -\nlocation 6: 0 0 f1\nlocation 7: 0 0 f2\n"
					 "sample 1: 1 1 1 1\nsample 2: 2 1 1 1\nsample 3: 3 1 1 1\nsample 4: 4 1 1 1\n"
					 "sample 5: 5 1 1 1\nsample 6: 14 2 2 2\nsample 7: 7 1 1 1\n"));
}

static void test_an_address_with_lines_and_one_without_are_two(void **state)
{
	(void)state;
	const struct profile_sink *sink = begin(STORE_ADD, 1, 1);
	push_mapping(sink, 1, 0x1000, 0x1000, "/x", "");
	push_function(sink, 1, "main");
	push_location(sink, 1, 1, 0x1001, 0);
	push_location(sink, 2, 1, 0x1001, 1);
	push_location(sink, 3, 1, 0x1001, 1);
	assert_true(push_sample(sink, 1, 2, 1, 1, 1, 1));
	assert_true(push_sample(sink, 1, 3, 1, 1, 1, 1));
	assert_non_null(strstr(result(), "location 1: 1 1001 -\nlocation 2: 1 1001 f1\nsample 1 2: 2 2 2 2\n"));
}

static void test_code_known_by_its_build_id_is_one_whatever_lines_say(void **state)
{
	(void)state;
	for (int round = 0; round < 4; round++) {
		const struct profile_sink *sink = begin(STORE_ADD, 1, 1);
		const struct profile_line line = { 1, 5 + round, 0 };
		const struct profile_location with_line = { .id = 1, .mapping_id = 1, .address = 0x1001, .lines = &line, .num_lines = 1 };
		push_mapping(sink, 1, 0x1000, 0x1000, "/x", "ab");
		push_function(sink, 1, round == 1 ? "main" : "other");
		if (round == 2)
			assert_true(sink->location(sink->context, &with_line));
		else
			push_location(sink, 1, 1, 0x1001, round == 0 ? 0 : 1); // nothing, main, other
		assert_true(push_sample(sink, 1, 0, 1, 1, 1, 1));
		static const char *const expected[] = { "location 1: 1 1001 -\nsample 1: 1 ", "location 1: 1 1001 f1\nsample 1: 2 ",
							"location 1: 1 1001 f1:7\nsample 1: 3 ", "location 1: 1 1001 f1:7\nsample 1: 4 " };
		assert_non_null(strstr(result(), expected[round]));
	}
}

static void test_mappings_in_each_others_way_are_moved(void **state)
{
	(void)state;
	const struct profile_sink *sink = begin(STORE_ADD, 1, 1);
	push_mapping(sink, 1, 0x400000, 0x3000, "/bin/a", "");
	push_mapping(sink, 2, UINT64_C(1) << 40, 0x2000, "/lib/in/the/free/range", "");
	push_location(sink, 1, 1, 0x400010, 0);
	push_location(sink, 2, 2, (UINT64_C(1) << 40) + 1, 0);
	assert_true(push_sample(sink, 1, 2, 1, 1, 1, 1));
	for (int i = 0; i < 3; i++) {
		static const char *const paths[] = { "/bin/b", "/bin/c", "/bin/d" };
		sink = begin(STORE_ADD, 1, 1);
		push_mapping(sink, 1, 0x400000 + (uint64_t)i * 0x1000, 0x2001, paths[i], "");
		push_location(sink, 1, 1, 0x400020 + (uint64_t)i * 0x1000, 0);
		assert_true(push_sample(sink, 1, 0, 1, 1, 1, 1));
	}
	assert_string_equal(result(), "period 1 time 1 duration 0\n"
				      "mapping 1: 400000-403000 1000 '/bin/a' ''\n"
				      "mapping 2: 10000000000-10000002000 1000 '/lib/in/the/free/range' ''\n"
				      "mapping 3: 10000002000-10000004001 1000 '/bin/b' ''\n"
				      "mapping 4: 10000005000-10000007001 1000 '/bin/c' ''\n"
				      "mapping 5: 10000008000-1000000a001 1000 '/bin/d' ''\n"
				      "location 1: 1 400010 -\n"
				      "location 2: 2 10000000001 -\n"
				      "location 3: 3 10000002020 -\n"
				      "location 4: 4 10000005020 -\n"
				      "location 5: 5 10000008020 -\n"
				      "sample 1 2: 1 1 1 1\n"
				      "sample 3: 1 1 1 1\n"
				      "sample 4: 1 1 1 1\n"
				      "sample 5: 1 1 1 1\n");
}

static void test_a_mapping_without_room_anywhere_is_left_out(void **state)
{
	(void)state;
	const struct profile_sink *sink = begin(STORE_ADD, 1, 1);
	push_mapping(sink, 1, 0, UINT64_MAX, "/everywhere", "");
	push_mapping(sink, 2, 0x5000, 0x1000, "/x", "");
	push_mapping(sink, 3, 0x5000, 0, "/empty", "");
	push_location(sink, 1, 1, 0x5, 0);
	push_location(sink, 2, 2, 0x5007, 0);
	push_location(sink, 3, 3, 0x5008, 0);
	assert_true(push_sample(sink, 1, 2, 1, 1, 1, 1));
	assert_true(push_sample(sink, 3, 0, 1, 1, 1, 1));
	assert_string_equal(result(), "period 1 time 1 duration 0\n"
				      "mapping 1: 0-ffffffffffffffff 1000 '/everywhere' ''\n"
				      "mapping 2: 5000-5000 1000 '/empty' ''\n"
				      "location 1: 1 5 -\n"
				      "location 2: 0 5007 -\n"
				      "location 3: 2 5008 -\n"
				      "sample 1 2: 1 1 1 1\n"
				      "sample 3: 1 1 1 1\n");
}

// The same source, with other ids.  A function differs in one thing, if at all, as does the line of the last location.
static void push_source(uint32_t first_id, uint32_t change, struct profile_line line)
{
	const struct profile_sink *sink = begin(STORE_ADD, 1, 1);
	const struct profile_function function = { .id = first_id, .name = change == 1 ? "other" : "name",
						   .system_name = change == 2 ? "other" : "system", .filename = change == 3 ? "other" : "file",
						   .start_line = change == 4 ? 9 : 8 };
	const struct profile_function caller = { .id = first_id + 1, .name = "caller", .system_name = "", .filename = "" };
	const struct profile_line lines[] = { { first_id, line.line, line.column }, { first_id + 1, 5, 0 } };
	const struct profile_location location = { .id = first_id + 2, .mapping_id = 1, .address = 0x1001, .lines = lines,
						   .num_lines = line.function_id ? 2 : 1, .is_folded = change == 5 };
	push_mapping(sink, 1, 0x1000, 0x1000, "/x", "");
	assert_true(sink->function(sink->context, &function));
	assert_true(sink->function(sink->context, &caller));
	assert_true(sink->location(sink->context, &location));
	assert_true(push_sample(sink, first_id + 2, 0, 1, 1, 1, 1));
}

static void test_functions_and_lines_are_the_same_where_all_they_say_is(void **state)
{
	(void)state;
	push_source(1, 0, (struct profile_line){ 1, 10, 1 });
	push_source(7, 0, (struct profile_line){ 1, 10, 1 });
	for (uint32_t change = 1; change <= 5; change++)
		push_source(change, change, (struct profile_line){ 1, 10, 1 });
	push_source(9, 0, (struct profile_line){ 1, 11, 1 });
	push_source(9, 0, (struct profile_line){ 1, 10, 2 });
	push_source(9, 0, (struct profile_line){ 0, 10, 1 });
	assert_string_equal(result(), "period 1 time 1 duration 0\n"
				      "mapping 1: 1000-2000 1000 '/x' ''\n"
				      "function 1: 'name' system 'system' file 'file' line 8\n"
				      "function 2: 'caller'\n"
				      "function 3: 'other' system 'system' file 'file' line 8\n"
				      "function 4: 'name' system 'other' file 'file' line 8\n"
				      "function 5: 'name' system 'system' file 'other' line 8\n"
				      "function 6: 'name' system 'system' file 'file' line 9\n"
				      "location 1: 1 1001 f1:10:1 f2:5\n"
				      "location 2: 1 1001 f3:10:1 f2:5\n"
				      "location 3: 1 1001 f4:10:1 f2:5\n"
				      "location 4: 1 1001 f5:10:1 f2:5\n"
				      "location 5: 1 1001 f6:10:1 f2:5\n"
				      "location 6: 1 1001 f1:10:1 f2:5 folded\n"
				      "location 7: 1 1001 f1:11:1 f2:5\n"
				      "location 8: 1 1001 f1:10:2 f2:5\n"
				      "location 9: 1 1001 f1:10:1\n"
				      "sample 1: 2 2 2 2\n"
				      "sample 2: 1 1 1 1\nsample 3: 1 1 1 1\nsample 4: 1 1 1 1\nsample 5: 1 1 1 1\n"
				      "sample 6: 1 1 1 1\nsample 7: 1 1 1 1\nsample 8: 1 1 1 1\nsample 9: 1 1 1 1\n");
}

static void test_a_mapping_has_what_it_has_in_all_profiles(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		const struct profile_sink *sink = begin(STORE_ADD, 1, 1);
		const struct profile_mapping mapping = { .id = 1, .start = 0x1000, .limit = 0x2000, .path = "/x", .build_id = "",
							 .has_functions = i != 1, .has_filenames = i != 2,
							 .has_line_numbers = i != 3, .has_inline_frames = i != 4 };
		static const char *const expected[] = { " functions filenames lines inlines\n", " filenames lines inlines\n",
							" lines inlines\n", " inlines\n", "\n" };
		char line[100];
		assert_true(sink->mapping(sink->context, &mapping));
		snprintf(line, sizeof(line), "mapping 1: 1000-2000 0 '/x' ''%s", expected[i]);
		assert_non_null(strstr(result(), line));
	}
}

static void test_places_can_be_given_lines(void **state)
{
	(void)state;
	const struct profile_function found = { .name = "found", .system_name = "", .filename = "/found.c" };
	const struct profile_line lines[] = { { 0, 12, 3 }, { 0, 7, 0 } };
	const struct profile_sink *sink = begin(STORE_ADD, 1, 1);
	push_mapping(sink, 1, 0x1000, 0x1000, "/x", "");
	push_function(sink, 1, "old");
	push_location(sink, 1, 1, 0x1001, 1);
	push_location(sink, 2, 1, 0x1002, 0);
	assert_true(push_sample(sink, 2, 1, 1, 1, 1, 1));
	struct profile_line given[] = { lines[0], lines[1] };
	given[0].function_id = given[1].function_id = places_add_function(&store->places, &found);
	assert_int_equal(given[0].function_id, 2);
	places_set_lines(&store->places, 2, given, 2);
	places_set_lines(&store->places, 1, NULL, 0);
	given[0].line = 99; // they were copied
	places_set_has(&store->places, 1, true, false, true, false);
	assert_string_equal(result(), "period 1 time 1 duration 0\n"
				      "mapping 1: 1000-2000 1000 '/x' '' functions lines\n"
				      "function 1: 'found' file '/found.c'\n"
				      "location 1: 1 1001 -\n"
				      "location 2: 1 1002 f1:12:3 f1:7\n"
				      "sample 2 1: 1 1 1 1\n");
	assert_int_equal(places_get(&store->places, 2).lines[1].line, 7);
	places_set_has(&store->places, 1, false, true, false, true);
	assert_non_null(strstr(result(), "'/x' '' filenames inlines\n"));
	push_location(sink, 3, 1, 0x1002, 0); // a profile more that does not know them
	assert_true(push_sample(sink, 3, 1, 1, 1, 1, 1));
	assert_non_null(strstr(result(), "location 2: 1 1002 f1:12:3 f1:7\nsample 2 1: 2 2 2 2\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_same_code_elsewhere_is_the_same, create, destroy),
		cmocka_unit_test_setup_teardown(test_mappings_differ_by_size_in_pages_offset_and_build_id, create, destroy),
		cmocka_unit_test_setup_teardown(test_code_without_a_file_is_told_by_its_address, create, destroy),
		cmocka_unit_test_setup_teardown(test_an_address_with_lines_and_one_without_are_two, create, destroy),
		cmocka_unit_test_setup_teardown(test_code_known_by_its_build_id_is_one_whatever_lines_say, create, destroy),
		cmocka_unit_test_setup_teardown(test_mappings_in_each_others_way_are_moved, create, destroy),
		cmocka_unit_test_setup_teardown(test_a_mapping_without_room_anywhere_is_left_out, create, destroy),
		cmocka_unit_test_setup_teardown(test_functions_and_lines_are_the_same_where_all_they_say_is, create, destroy),
		cmocka_unit_test_setup_teardown(test_a_mapping_has_what_it_has_in_all_profiles, create, destroy),
		cmocka_unit_test_setup_teardown(test_places_can_be_given_lines, create, destroy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
