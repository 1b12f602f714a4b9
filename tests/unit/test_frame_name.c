// SPDX-License-Identifier: Apache-2.0
// What frames are called in tables, where there is room and where there is not.
#include "unit/unit.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "report/frame_name.h"

static void check(const char *name, size_t max_columns, const char *expected)
{
	const struct view_frame frame = { .name = name, .file = "/usr/include/map.h", .binary = "", .line = 12 };
	char *found = frame_name_create_short(&frame, printable_add, max_columns);
	assert_string_equal(found, expected);
	free(found);
}

static void test_a_place_is_there_if_it_is_known(void **state)
{
	(void)state;
	struct view_frame frame = { .name = "parse", .file = "/src/parse.c", .binary = "", .line = 7 };
	char *found = frame_name_create(&frame, printable_add);
	assert_string_equal(found, "parse (/src/parse.c:7)");
	free(found);
	frame.line = 0;
	found = frame_name_create_short(&frame, printable_add, 100);
	assert_string_equal(found, "parse");
	free(found);
	check("parse", 5, "parse (map.h:12)"); // nothing to leave out
}

static void test_template_arguments_are_left_out_where_there_is_no_room(void **state)
{
	(void)state;
	check("std::map<int, std::vector<long>>::find<int>", 100, "std::map<int, std::vector<long>>::find<int> (map.h:12)");
	check("std::map<int, std::vector<long>>::find<int>", 53, "std::map<…>::find<int> (map.h:12)"); // as long as it was
	check("a<b(c->d)>::e<long>", 10, "a<…>::e<…> (map.h:12)");
}

static void test_operators_are_no_template_arguments(void **state)
{
	(void)state;
	check("thing::operator<", 5, "thing::operator< (map.h:12)");
	check("thing::operator<<", 5, "thing::operator<< (map.h:12)");
	check("thing::operator<< <long>", 5, "thing::operator<< <…> (map.h:12)");
	check("thing<long>::operator->", 5, "thing<…>::operator-> (map.h:12)");
	check("broken<name", 5, "broken<name (map.h:12)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_place_is_there_if_it_is_known),
		cmocka_unit_test(test_template_arguments_are_left_out_where_there_is_no_room),
		cmocka_unit_test(test_operators_are_no_template_arguments),
	};
	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
