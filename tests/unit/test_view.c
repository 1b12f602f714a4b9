// SPDX-License-Identifier: Apache-2.0
// Views of a store: names, what is left out, sums and their errors.
#include "unit/unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "profile/heap.h"
#include "report/view.h"

static struct store *store;
static struct view *view;
static struct error error;

static const struct profile_sink *begin(uint32_t side, const char *drop_frames, const char *keep_frames, int64_t period)
{
	const struct profile_sink *sink = store_begin(store, side, STORE_ADD);
	const struct profile_description description = {
		.types = heap_types, .num_types = HEAP_NUM_VALUES, .default_type = "inuse_space", .period_type = heap_period_type,
		.period = period, .drop_frames = drop_frames, .keep_frames = keep_frames,
	};
	const struct profile_mapping mapping = { .id = 1, .start = 0x400000, .limit = 0x500000, .offset = 0x1000,
						 .path = "/usr/lib/libx.so", .build_id = "ab" };
	const struct profile_mapping vdso = { .id = 2, .start = 0x600000, .limit = 0x601000, .path = "[vdso]", .build_id = "" };
	assert_true(sink->description(sink->context, &description));
	assert_true(sink->mapping(sink->context, &mapping));
	assert_true(sink->mapping(sink->context, &vdso));
	return sink;
}

static void push_function(const struct profile_sink *sink, uint32_t id, const char *name, const char *filename)
{
	const struct profile_function function = { .id = id, .name = name, .system_name = name, .filename = filename };
	assert_true(sink->function(sink->context, &function));
}

// At an address in libx.so, unless it lies outside; function 0: none.
static void push_location(const struct profile_sink *sink, uint32_t id, uint32_t mapping, uint64_t address, uint32_t function,
			  int64_t number)
{
	const struct profile_line line = { .function_id = function, .line = number };
	const struct profile_location location = { .id = id, .mapping_id = mapping, .address = address, .lines = &line,
						   .num_lines = function != 0 };
	assert_true(sink->location(sink->context, &location));
}

static void push_sample(const struct profile_sink *sink, const char *ids, int64_t objects, int64_t bytes)
{
	uint32_t locations[16];
	const int64_t values[] = { 2 * objects, 2 * bytes, objects, bytes };
	struct profile_sample sample = { .location_ids = locations, .values = values };
	for (; *ids; ids++)
		locations[sample.num_locations++] = (uint32_t)(*ids - '0');
	assert_true(sink->sample(sink->context, &sample));
}

static int create(void **state)
{
	(void)state;
	store = store_create(2);
	return 0;
}

static int destroy(void **state)
{
	(void)state;
	view_destroy(view);
	view = NULL;
	store_destroy(store);
	return 0;
}

static void make(const struct view_request *request)
{
	view_destroy(view);
	view = NULL;
	assert_true(view_create(&view, store, request, &error));
}

// "leaf < caller: value" of a stack.
static const char *stack_text(size_t number)
{
	static char text[1000];
	const struct view_stack *stack = &view->stacks[number];
	text[0] = 0;
	for (uint32_t i = 0; i < stack->num_frames; i++)
		sprintf(text + strlen(text), "%s%s", i ? " < " : "", view->frames[stack->frames[i]].name);
	sprintf(text + strlen(text), ": %lld", (long long)view_value(view, stack, 0));
	return text;
}

// Functions of the names of their ids; locations of one of them each.
static const struct profile_sink *push_program(uint32_t side, const char *drop_frames, const char *keep_frames)
{
	const struct profile_sink *sink = begin(side, drop_frames, keep_frames, 1000);
	static const char *const names[] = { "", "malloc", "parse(char*)", "operator new(unsigned long)", "main",
					     "(anonymous namespace)::grow(int)", "operator()(int) const" };
	for (uint32_t i = 1; i <= 6; i++) {
		push_function(sink, i, names[i], i == 2 ? "parse.c" : "");
		push_location(sink, i, 1, 0x400000 + i, i, 10 * i);
	}
	return sink;
}

static void test_frames_without_a_function_say_where_they_are(void **state)
{
	(void)state;
	const struct profile_sink *sink = begin(0, "", "", 1);
	push_location(sink, 1, 1, 0x400234, 0, 0);
	push_location(sink, 2, 2, 0x600010, 0, 0);
	push_location(sink, 3, 0, 0x7f0012, 0, 0);
	push_function(sink, 1, "main", "");
	push_location(sink, 4, 0, 0, 1, 0);
	push_sample(sink, "1234", 1, 5);
	make(&(struct view_request){ 0 });
	assert_string_equal(stack_text(0), "[libx.so+0x1234] < [vdso] < [0x7f0012] < main: 5");
	assert_string_equal(view->frames[0].binary, "/usr/lib/libx.so");
	assert_false(view->frames[0].is_named);
	assert_true(view->frames[3].is_named);
}

static void test_what_allocates_is_dropped_with_all_it_calls(void **state)
{
	(void)state;
	const struct profile_sink *sink = push_program(0, "malloc|operator new|main", "");
	push_sample(sink, "124", 1, 10);  // malloc < parse < main: main is the root, and stays
	push_sample(sink, "1324", 1, 20); // operator new calls malloc
	push_sample(sink, "24", 1, 30);
	push_sample(sink, "14", 1, 40); // nothing would stay
	make(&(struct view_request){ 0 });
	assert_int_equal(view->num_stacks, 2);
	assert_string_equal(stack_text(0), "parse(char*) < main: 60");
	assert_string_equal(stack_text(1), "malloc < main: 40");
	make(&(struct view_request){ .keeps_dropped = true });
	assert_int_equal(view->num_stacks, 4);
	assert_string_equal(stack_text(1), "malloc < operator new(unsigned long) < parse(char*) < main: 20");
}

static void test_a_pattern_is_for_the_whole_name_without_parameters(void **state)
{
	(void)state;
	const struct profile_sink *sink = push_program(0, "pars|parse.*char.*|.*grow|operator\\(\\)", "");
	push_sample(sink, "24", 1, 1);
	push_sample(sink, "54", 1, 2);
	push_sample(sink, "64", 1, 3);
	make(&(struct view_request){ 0 });
	assert_int_equal(view->num_stacks, 2);
	assert_string_equal(stack_text(0), "parse(char*) < main: 1");
	assert_string_equal(stack_text(1), "main: 5");
}

static void test_what_is_to_be_kept_is_not_dropped(void **state)
{
	(void)state;
	const struct profile_sink *sink = push_program(0, "parse|malloc", "mall.c");
	push_sample(sink, "14", 1, 1);
	push_sample(sink, "24", 1, 2);
	make(&(struct view_request){ 0 });
	assert_string_equal(stack_text(0), "malloc < main: 1");
	assert_string_equal(stack_text(1), "main: 2");
}

static void test_focus_and_ignore_choose_stacks(void **state)
{
	(void)state;
	const struct profile_sink *sink = push_program(0, "malloc", "");
	push_sample(sink, "124", 1, 1);
	push_sample(sink, "154", 1, 2);
	push_sample(sink, "14", 1, 4);
	make(&(struct view_request){ .focus = "ars" });
	assert_int_equal(view->num_stacks, 1);
	assert_string_equal(stack_text(0), "parse(char*) < main: 1");
	assert_int_equal(view->totals[HEAP_INUSE_SPACE], 1);
	assert_int_equal(view->whole_totals[HEAP_INUSE_SPACE], 7);
	make(&(struct view_request){ .focus = "parse\\.c$" });
	assert_int_equal(view->totals[HEAP_INUSE_SPACE], 1);
	make(&(struct view_request){ .ignore = "parse|grow" });
	assert_int_equal(view->totals[HEAP_INUSE_SPACE], 4);
	make(&(struct view_request){ .focus = "^malloc$" }); // was dropped, but where nothing else is
	assert_int_equal(view->totals[HEAP_INUSE_SPACE], 0);
	assert_int_equal(view->num_stacks, 0);
	make(&(struct view_request){ .focus = "libx" });
	assert_int_equal(view->totals[HEAP_INUSE_SPACE], 7);
	struct view *none = NULL;
	assert_false(view_create(&none, store, &(struct view_request){ .focus = "(" }, &error));
	assert_non_null(strstr(error.message, "--focus"));
	assert_null(none);
}

static void test_what_hidden_functions_have_is_their_callers(void **state)
{
	(void)state;
	const struct profile_sink *sink = push_program(0, "malloc", "");
	push_sample(sink, "1524", 1, 1);
	push_sample(sink, "54", 1, 2);
	push_sample(sink, "4", 1, 4);
	make(&(struct view_request){ .hide = "grow|parse" });
	assert_int_equal(view->num_stacks, 1);
	assert_string_equal(stack_text(0), "main: 7");
	make(&(struct view_request){ .hide = "main", .focus = "grow" });
	assert_int_equal(view->num_stacks, 2);
	assert_string_equal(stack_text(0), "(anonymous namespace)::grow(int) < parse(char*): 1");
	make(&(struct view_request){ .hide = "." }); // a stack of nothing still counts
	assert_int_equal(view->num_stacks, 1);
	assert_string_equal(stack_text(0), ": 7");
}

static void test_lines_are_frames_if_asked_for(void **state)
{
	(void)state;
	const struct profile_sink *sink = begin(0, "", "", 1);
	push_function(sink, 1, "parse", "parse.c");
	push_location(sink, 1, 1, 0x400010, 1, 10);
	push_location(sink, 2, 1, 0x400020, 1, 20);
	push_sample(sink, "1", 1, 1);
	push_sample(sink, "2", 1, 2);
	make(&(struct view_request){ 0 });
	assert_int_equal(view->num_stacks, 1);
	assert_string_equal(stack_text(0), "parse: 3");
	assert_int_equal(view->frames[0].line, 0);
	make(&(struct view_request){ .by_lines = true });
	assert_int_equal(view->num_stacks, 2);
	assert_int_equal(view->frames[1].line, 20);
	assert_string_equal(view->frames[1].file, "parse.c");
}

static void test_inlined_calls_are_frames(void **state)
{
	(void)state;
	const struct profile_sink *sink = begin(0, "inner", "", 1);
	push_function(sink, 1, "inner", "");
	push_function(sink, 2, "outer", "");
	const struct profile_line lines[] = { { .function_id = 1 }, { .function_id = 2 } };
	const struct profile_location location = { .id = 1, .mapping_id = 1, .address = 0x400010, .lines = lines, .num_lines = 2 };
	assert_true(sink->location(sink->context, &location));
	push_sample(sink, "1", 1, 1);
	make(&(struct view_request){ .keeps_dropped = true });
	assert_string_equal(stack_text(0), "inner < outer: 1");
	make(&(struct view_request){ 0 });
	assert_string_equal(stack_text(0), "outer: 1");
}

static void test_values_of_both_sides_and_their_errors_are_summed(void **state)
{
	(void)state;
	push_sample(push_program(0, "", ""), "24", 3, 30);
	const struct profile_sink *sink = push_program(1, "", "");
	push_sample(sink, "24", 5, 50);
	push_sample(sink, "4", 1, 7000);
	make(&(struct view_request){ .type = "inuse_objects" });
	assert_int_equal(view->num_stacks, 2);
	assert_int_equal(view_value(view, &view->stacks[0], 0), 3);
	assert_int_equal(view_value(view, &view->stacks[0], 1), 5);
	assert_int_equal(view_value(view, &view->stacks[1], 0), 0);
	double p = 1 - exp(-10.0 / 1000);
	assert_true(fabs(view_error(view, &view->stacks[0], 1) / sqrt(5 * (1 - p) / p) - 1) < 1e-9);
	double q = 1 - exp(-7.0);
	assert_true(fabs(view_total_error(view, 1) / sqrt(5 * (1 - p) / p + (1 - q) / q) - 1) < 1e-9);
	assert_true(view_error(view, &view->stacks[1], 0) < 0); // nothing is exactly nothing
}

static void test_the_type_is_that_which_is_asked_for(void **state)
{
	(void)state;
	push_sample(push_program(0, "", ""), "24", 3, 30);
	make(&(struct view_request){ 0 });
	assert_int_equal(view->type, HEAP_INUSE_SPACE);
	make(&(struct view_request){ .type = "alloc_objects" });
	assert_int_equal(view_value(view, &view->stacks[0], 0), 6);
	struct view *none = NULL;
	assert_false(view_create(&none, store, &(struct view_request){ .type = "cpu" }, &error));
	assert_string_equal(error.message, "--type: cpu: the profile has alloc_objects, alloc_space, inuse_objects and inuse_space");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_frames_without_a_function_say_where_they_are, create, destroy),
		cmocka_unit_test_setup_teardown(test_what_allocates_is_dropped_with_all_it_calls, create, destroy),
		cmocka_unit_test_setup_teardown(test_a_pattern_is_for_the_whole_name_without_parameters, create, destroy),
		cmocka_unit_test_setup_teardown(test_what_is_to_be_kept_is_not_dropped, create, destroy),
		cmocka_unit_test_setup_teardown(test_focus_and_ignore_choose_stacks, create, destroy),
		cmocka_unit_test_setup_teardown(test_what_hidden_functions_have_is_their_callers, create, destroy),
		cmocka_unit_test_setup_teardown(test_lines_are_frames_if_asked_for, create, destroy),
		cmocka_unit_test_setup_teardown(test_inlined_calls_are_frames, create, destroy),
		cmocka_unit_test_setup_teardown(test_values_of_both_sides_and_their_errors_are_summed, create, destroy),
		cmocka_unit_test_setup_teardown(test_the_type_is_that_which_is_asked_for, create, destroy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
