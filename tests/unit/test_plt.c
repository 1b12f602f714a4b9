// SPDX-License-Identifier: Apache-2.0
// Stubs of programs that are linked in many ways: each is what objdump takes it for.
#include "unit/unit.h"

#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "symbolize/plt.h"

static char directory[] = "/tmp/test_plt.XXXXXX";

// A pointer to a function that is called too makes a stub of another kind.
static const char source[] = "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n"
			     "int main(int argc, char **argv)\n{\n"
			     "	void *(*volatile get)(size_t) = malloc;\n	char *p = malloc(strlen(argv[0]) + 1);\n"
			     "	puts(strcpy(p, getenv(argv[argc - 1])));\n	free(get(1));\n	exit(atoi(p));\n}\n";

static void run(const char *format, ...)
{
	char command[2 * PATH_MAX];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	assert_int_equal(system(command), 0);
}

static int create(void **state)
{
	(void)state;
	char path[PATH_MAX];
	elf_version(EV_CURRENT);
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/program.c", directory);
	FILE *file = fopen(path, "w");
	return file && fputs(source, file) >= 0 ? fclose(file) : -1;
}

static int destroy(void **state)
{
	(void)state;
	run("rm -r %s", directory);
	return 0;
}

struct program {
	char path[PATH_MAX];
	int fd;
	Elf *elf;
	struct plt *plt;
};

static void open_program(struct program *program, const char *options)
{
	snprintf(program->path, sizeof(program->path), "%s/program", directory);
	run("gcc -O1 -fno-builtin -w %s -o %s %s.c 2>%s.errors", options, program->path, program->path, program->path);
	program->fd = open(program->path, O_RDONLY);
	program->elf = elf_begin(program->fd, ELF_C_READ_MMAP, NULL);
	assert_non_null(program->elf);
	program->plt = plt_create(program->elf);
}

static void close_program(struct program *program)
{
	plt_destroy(program->plt);
	elf_end(program->elf);
	close(program->fd);
}

static void assert_name(const struct program *program, uint64_t address, const char *expected)
{
	const char *found = plt_find(program->plt, address);
	if (expected) {
		assert_non_null(found);
		assert_string_equal(found, expected);
	} else {
		assert_null(found);
	}
}

// objdump's "0000000000001030 <puts@plt>:" and the instructions that follow.  "puts@plt-0x10" is the code that stubs
// share.  How many stubs there are.
static int compare(const struct program *program, const char *objdump_options)
{
	char command[2 * PATH_MAX], line[1000], name[1000] = "";
	int num_stubs = 0;
	snprintf(command, sizeof(command), "objdump -d --no-show-raw-insn %s %s 2>/dev/null", objdump_options, program->path);
	FILE *objdump = popen(command, "r");
	while (fgets(line, sizeof(line), objdump)) {
		uint64_t address;
		char found[1000];
		if (sscanf(line, "%lx <%999[^>]>:", &address, found) == 2) {
			strcpy(name, found);
			num_stubs += strstr(name, "@plt") && !strstr(name, "-0x");
		} else if (*line == ' ' && sscanf(line, "%lx", &address) == 1 && strstr(name, "@plt")) {
			assert_name(program, address, strstr(name, "-0x") ? NULL : name);
		}
	}
	pclose(objdump);
	return num_stubs;
}

static const char *const linkers[] = { "bfd", "gold", "lld" };
static const char *const kinds[] = { "-pie -fPIE", "-no-pie -fno-pie" };
static const char *const bindings[] = { "-Wl,-z,lazy", "-Wl,-z,now" };

static void test_stubs_have_the_names_that_objdump_gives_them(void **state)
{
	(void)state;
	for (int i = 0; i < 12; i++) {
		struct program program;
		char options[200];
		snprintf(options, sizeof(options), "-fcf-protection=none -fuse-ld=%s %s %s", linkers[i % 3], kinds[i / 3 % 2],
			 bindings[i / 6]);
		open_program(&program, options);
		assert_true(compare(&program, "-j .plt -j .plt.got") >= 7);
		close_program(&program);
	}
}

static uint64_t find_section(const struct program *program, const char *wanted, uint64_t *size_bytes)
{
	size_t names;
	assert_int_equal(elf_getshdrstrndx(program->elf, &names), 0);
	for (Elf_Scn *section = NULL; (section = elf_nextscn(program->elf, section));) {
		GElf_Shdr header;
		assert_non_null(gelf_getshdr(section, &header));
		*size_bytes = header.sh_size;
		if (strcmp(elf_strptr(program->elf, names, header.sh_name), wanted) == 0)
			return header.sh_addr;
	}
	fail_msg("no section %s", wanted);
	return 0;
}

// There each stub has two halves, of which objdump knows the one that is called.
static void test_stubs_for_indirect_branch_tracking_have_names_in_both_halves(void **state)
{
	(void)state;
	for (int i = 0; i < 8; i++) {
		struct program program;
		uint64_t size_bytes, second_bytes;
		char options[200];
		snprintf(options, sizeof(options), "-fcf-protection=full %s %s %s",
			 i % 2 ? "-fuse-ld=lld -Wl,-z,force-ibt" : "-fuse-ld=bfd -Wl,-z,ibtplt", kinds[i / 2 % 2], bindings[i / 4]);
		open_program(&program, options);
		uint64_t first = find_section(&program, ".plt", &size_bytes);
		uint64_t second = find_section(&program, ".plt.sec", &second_bytes);
		assert_true(compare(&program, "-j .plt.sec -j .plt.got") >= 7);
		assert_int_equal(size_bytes, second_bytes + 16);
		assert_name(&program, first, NULL);
		for (uint64_t at = 0; at < second_bytes; at++)
			assert_name(&program, first + 16 + at, plt_find(program.plt, second + at));
		close_program(&program);
	}
}

// Linkers of some years put a prefix before the jump (MPX's), and count from one byte later.
static void add_prefix(uint8_t *stub)
{
	int32_t displacement;
	assert_memory_equal(stub + 4, "\xff\x25", 2);
	memcpy(&displacement, stub + 6, 4);
	displacement--;
	memcpy(stub + 4, "\xf2\xff\x25", 3);
	memcpy(stub + 7, &displacement, 4);
}

static void test_stubs_with_a_prefix_have_names(void **state)
{
	(void)state;
	struct program program;
	size_t num_bytes;
	uint64_t size_bytes;
	open_program(&program, "-fuse-ld=bfd -fcf-protection=full -Wl,-z,ibtplt");
	uint64_t start = find_section(&program, ".plt.sec", &size_bytes); // which is its offset too
	const char *whole = elf_rawfile(program.elf, &num_bytes);
	uint8_t *bytes = malloc(num_bytes);
	memcpy(bytes, whole, num_bytes);
	for (uint64_t at = 0; at < size_bytes; at += 16)
		add_prefix(bytes + start + at);
	Elf *elf = elf_memory((char *)bytes, num_bytes);
	struct plt *plt = plt_create(elf);
	for (uint64_t at = 0; at < size_bytes; at++)
		assert_string_equal(plt_find(plt, start + at), plt_find(program.plt, start + at));
	plt_destroy(plt);
	elf_end(elf);
	free(bytes);
	close_program(&program);
}

static void test_code_and_programs_without_stubs_have_none(void **state)
{
	(void)state;
	struct program program;
	uint64_t size_bytes;
	open_program(&program, "");
	uint64_t text = find_section(&program, ".text", &size_bytes);
	for (uint64_t at = 0; at < size_bytes; at++)
		assert_name(&program, text + at, NULL);
	assert_name(&program, 0, NULL);
	assert_name(&program, UINT64_MAX, NULL);
	close_program(&program);
	open_program(&program, "-static");
	assert_null(program.plt);
	close_program(&program);
}

// Run under AddressSanitizer in CI.
static void test_damaged_files_never_fault(void **state)
{
	(void)state;
	struct program program;
	size_t num_bytes;
	int num_found = 0;
	open_program(&program, "-s");
	const char *whole = elf_rawfile(program.elf, &num_bytes);
	srandom(9);
	for (int round = 0; round < 2000; round++) {
		char *bytes = malloc(num_bytes);
		memcpy(bytes, whole, num_bytes);
		for (int i = 0; i < 10; i++)
			bytes[i % 2 ? 18 + random() % 0x1000 : random() % (long)num_bytes] = (char)random();
		Elf *elf = elf_memory(bytes, round % 10 ? num_bytes : (size_t)random() % num_bytes);
		struct plt *plt = plt_create(elf);
		for (uint64_t at = 0; plt && at < 0x3000; at += 5)
			num_found += plt_find(plt, at) && strlen(plt_find(plt, at)) < num_bytes;
		plt_destroy(plt);
		elf_end(elf);
		free(bytes);
	}
	assert_true(num_found > 1000);
	close_program(&program);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stubs_have_the_names_that_objdump_gives_them),
		cmocka_unit_test(test_stubs_for_indirect_branch_tracking_have_names_in_both_halves),
		cmocka_unit_test(test_stubs_with_a_prefix_have_names),
		cmocka_unit_test(test_code_and_programs_without_stubs_have_none),
		cmocka_unit_test(test_damaged_files_never_fault),
	};
	return cmocka_run_group_tests(tests, create, destroy);
}
