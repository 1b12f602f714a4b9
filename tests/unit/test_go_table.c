// SPDX-License-Identifier: Apache-2.0
// What Go's table says: of files made by hand in each format, and of programs that tell what their runtime knows.
#include "unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "symbolize/elf_image.h"
#include "symbolize/go_table.h"
#include "unit/go_example.h"

#define NUM(array) (sizeof(array) / sizeof((array)[0]))

static const uint32_t magics[] = { GO_MAGIC_1_2, GO_MAGIC_1_16, GO_MAGIC_1_18, GO_MAGIC_1_20 };
static char **programs;
static int num_programs;

struct opened {
	Elf *elf;
	struct go_table *table;
};

static struct opened open_example(struct elf_example *example)
{
	struct opened opened = { .elf = elf_memory((char *)example->bytes, EXAMPLE_BYTES) };
	assert_non_null(opened.elf);
	opened.table = go_table_create(opened.elf);
	return opened;
}

static void close_opened(struct opened *opened)
{
	go_table_destroy(opened->table);
	elf_end(opened->elf);
}

static void assert_line(const struct line *line, const char *function, const char *file, int number, int start)
{
	assert_string_equal(line->function, function);
	assert_string_equal(line->file, file);
	assert_int_equal(line->line, number);
	assert_int_equal(line->start_line, start);
	assert_int_equal(line->column, 0);
}

static size_t find(const struct opened *opened, uint64_t offset, struct line *lines)
{
	return go_table_find(opened->table, EXAMPLE_BASE + GO_CODE + offset, lines);
}

static void test_each_format_tells_function_file_and_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < NUM(magics); i++) {
		struct elf_example example;
		struct line lines[LINE_MAX_CALLS];
		bool has_start = magics[i] == GO_MAGIC_1_20;
		make_go_example(&example, magics[i]);
		struct opened opened = open_example(&example);
		assert_non_null(opened.table);
		for (uint64_t at = 0; at < 0x10; at++) {
			assert_int_equal(find(&opened, at, lines), 1);
			assert_line(&lines[0], "main.outer", "/src/a.go", 10, has_start ? 9 : 0);
		}
		assert_int_equal(find(&opened, 0x20, lines), 1);
		assert_line(&lines[0], "main.outer", "/src/a.go", 11, has_start ? 9 : 0);
		assert_int_equal(find(&opened, 0x40, lines), 1);
		assert_line(&lines[0], "main.last", "/src/b.go", 40, has_start ? 39 : 0);
		assert_int_equal(find(&opened, 0x7f, lines), 1);
		assert_line(&lines[0], "main.last", "", 0, has_start ? 39 : 0); // what fills up to the next function
		assert_int_equal(find(&opened, 0x80, lines), 0);
		assert_int_equal(find(&opened, (uint64_t)-1, lines), 0);
		close_opened(&opened);
	}
}

static void test_inlined_calls_come_innermost_first(void **state)
{
	(void)state;
	for (size_t i = 2; i < NUM(magics); i++) {
		struct elf_example example;
		struct line lines[LINE_MAX_CALLS];
		bool has_start = magics[i] == GO_MAGIC_1_20;
		make_go_example(&example, magics[i]);
		struct opened opened = open_example(&example);
		assert_true(go_table_has_inlined(opened.table));
		assert_int_equal(find(&opened, 0x10, lines), 2);
		assert_line(&lines[0], "main.middle", "/src/a.go", 20, has_start ? 19 : 0);
		assert_line(&lines[1], "main.outer", "/src/a.go", 10, has_start ? 9 : 0);
		assert_int_equal(find(&opened, 0x1f, lines), 3);
		assert_line(&lines[0], "main.inner", "/src/a.go", 30, has_start ? 29 : 0);
		assert_line(&lines[1], "main.middle", "/src/a.go", 20, has_start ? 19 : 0);
		assert_line(&lines[2], "main.outer", "/src/a.go", 10, has_start ? 9 : 0);
		close_opened(&opened);
	}
}

static void test_without_the_linkers_record_no_inlined_calls_are_told(void **state)
{
	(void)state;
	struct elf_example example;
	struct line lines[LINE_MAX_CALLS];
	make_go_example(&example, GO_MAGIC_1_20);
	memset(example.bytes + GO_RECORD, 0, 8);
	struct opened opened = open_example(&example);
	assert_false(go_table_has_inlined(opened.table));
	assert_int_equal(find(&opened, 0x18, lines), 1);
	assert_line(&lines[0], "main.outer", "/src/a.go", 30, 9);
	close_opened(&opened);
}

static void test_a_word_of_the_record_that_means_something_else_is_not_followed(void **state)
{
	(void)state;
	struct elf_example example;
	make_go_example(&example, GO_MAGIC_1_20);
	const uint64_t elsewhere = EXAMPLE_BASE + GO_DATA + 4;
	memcpy(example.bytes + GO_RECORD + 40 * 8, &elsewhere, 8);
	struct opened opened = open_example(&example);
	assert_non_null(opened.table);
	assert_false(go_table_has_inlined(opened.table));
	close_opened(&opened);
}

static void test_where_the_code_begins_may_be_known_by_the_record_only(void **state)
{
	(void)state;
	struct elf_example example;
	struct line lines[LINE_MAX_CALLS];
	make_go_example(&example, GO_MAGIC_1_20);
	memset(example.bytes + GO_TABLE + 24, 0, 8);
	struct opened opened = open_example(&example);
	assert_int_equal(find(&opened, 0x40, lines), 1);
	assert_string_equal(lines[0].function, "main.last");
	close_opened(&opened);
}

static void test_calls_that_are_inlined_into_themselves_end(void **state)
{
	(void)state;
	struct elf_example example;
	struct line lines[LINE_MAX_CALLS];
	make_go_example(&example, GO_MAGIC_1_20);
	example.bytes[GO_DATA + 8] = 0x10; // main.middle, which is at 0x10, is inlined there
	struct opened opened = open_example(&example);
	assert_int_equal(find(&opened, 0x10, lines), LINE_MAX_CALLS);
	close_opened(&opened);
}

static void test_other_files_have_no_table(void **state)
{
	(void)state;
	struct elf_example example;
	make_go_example(&example, GO_MAGIC_1_20);
	example.bytes[GO_TABLE] ^= 1 << 4;
	struct opened opened = open_example(&example);
	assert_null(opened.table);
	close_opened(&opened);
	int fd = open("/proc/self/exe", O_RDONLY);
	opened.elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	opened.table = go_table_create(opened.elf);
	assert_null(opened.table);
	close_opened(&opened);
	close(fd);
}

// Run under AddressSanitizer in CI.
static void test_damaged_tables_never_fault(void **state)
{
	(void)state;
	int num_sound = 0;
	srandom(5);
	for (int round = 0; round < 20000; round++) {
		struct elf_example example;
		struct line lines[LINE_MAX_CALLS];
		make_go_example(&example, magics[round % NUM(magics)]);
		for (int i = 0; i < 3; i++)
			example.bytes[GO_TABLE + random() % (GO_DATA + 0x40 - GO_TABLE)] = (uint8_t)random();
		struct opened opened = open_example(&example);
		num_sound += opened.table != NULL;
		for (uint64_t at = 0; opened.table && at < 0x90; at += 7)
			for (size_t num = find(&opened, at, lines), i = 0; i < num; i++)
				assert_true(strlen(lines[i].function) < EXAMPLE_BYTES && strlen(lines[i].file) < EXAMPLE_BYTES);
		close_opened(&opened);
	}
	assert_true(num_sound > 1000 && num_sound < 20000);
}

// A line of what the program prints.
struct told {
	char what[10], function[1000], file[1000];
	uint64_t offset;
	int line;
};

static bool read_told(FILE *from, struct told *told)
{
	return fscanf(from, "%9[^\t]\t%lx\t%999[^\t]\t%999[^\t]\t%d\n", told->what, &told->offset, told->function,
		      told->file, &told->line) == 5;
}

static size_t find_by_offset(const struct opened *opened, uint64_t offset, struct line *lines)
{
	struct elf_image image;
	size_t num_bytes;
	const uint8_t *bytes = (const uint8_t *)elf_rawfile(opened->elf, &num_bytes);
	assert_true(elf_image_init(&image, opened->elf));
	for (size_t i = 0; i < image.num_segments; i++)
		if (bytes + offset - image.segments[i].bytes < (ptrdiff_t)image.segments[i].size_bytes &&
		    bytes + offset >= image.segments[i].bytes && image.segments[i].flags & PF_X)
			return go_table_find(opened->table,
					     image.segments[i].address + (uint64_t)(bytes + offset - image.segments[i].bytes), lines);
	fail_msg("%s", "the offset is in no segment of code");
	return 0;
}

static void assert_told(const struct told *told, const struct line *line)
{
	if (strcmp(told->file, "?") == 0) // between functions
		return;
	assert_string_equal(line->function, told->function);
	assert_string_equal(line->file, told->file);
	assert_int_equal(line->line, told->line);
}

// The calls of a stack: where one was inlined, the calls that follow are those it was inlined into.
static void check_calls(const struct opened *opened, const struct told *calls, int num_calls)
{
	int num_inlined = 0;
	for (int i = 0; i < num_calls; i++) {
		struct line lines[LINE_MAX_CALLS];
		int num = (int)find_by_offset(opened, calls[i].offset, lines);
		num_inlined += num - 1;
		for (int j = 0; j < num && i + j < num_calls; j++)
			assert_told(&calls[i + j], &lines[j]);
	}
	assert_true(num_inlined >= 4); // inner and middle, twice
}

static void check_program(const char *path)
{
	static struct told calls[200];
	struct told told;
	int num_places = 0, num_calls = 0, fd = open(path, O_RDONLY);
	struct opened opened = { .elf = elf_begin(fd, ELF_C_READ_MMAP, NULL) };
	opened.table = go_table_create(opened.elf);
	assert_non_null(opened.table);
	assert_true(go_table_has_inlined(opened.table));
	FILE *program = popen(path, "r");
	while (read_told(program, &told)) {
		struct line lines[LINE_MAX_CALLS];
		if (strcmp(told.what, "call") == 0) {
			calls[num_calls++ % 200] = told;
			continue;
		}
		assert_true(find_by_offset(&opened, told.offset, lines) >= 1);
		assert_told(&told, &lines[0]);
		num_places++;
	}
	assert_int_equal(pclose(program), 0);
	assert_true(num_places > 5000);
	assert_in_range(num_calls, 8, 200);
	check_calls(&opened, calls, num_calls);
	close_opened(&opened);
	close(fd);
}

static void test_programs_are_known_as_their_runtime_knows_them(void **state)
{
	(void)state;
	if (!num_programs)
		skip();
	for (int i = 0; i < num_programs; i++)
		check_program(programs[i]);
}

// The arguments are programs made from testdata/frames.
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_format_tells_function_file_and_line),
		cmocka_unit_test(test_inlined_calls_come_innermost_first),
		cmocka_unit_test(test_without_the_linkers_record_no_inlined_calls_are_told),
		cmocka_unit_test(test_a_word_of_the_record_that_means_something_else_is_not_followed),
		cmocka_unit_test(test_where_the_code_begins_may_be_known_by_the_record_only),
		cmocka_unit_test(test_calls_that_are_inlined_into_themselves_end),
		cmocka_unit_test(test_other_files_have_no_table),
		cmocka_unit_test(test_damaged_tables_never_fault),
		cmocka_unit_test(test_programs_are_known_as_their_runtime_knows_them),
	};
	programs = argv + 1;
	num_programs = argc - 1;
	elf_version(EV_CURRENT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
