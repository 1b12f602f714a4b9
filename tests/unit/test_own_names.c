// SPDX-License-Identifier: Apache-2.0
// Names that a program finds in its own files: those that the loader knows, and none where a file is not what it was.
#include "unit/unit.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <elfutils/libdwelf.h>

#include "ledger/mappings.h"
#include "ledger/read.h"
#include "ledger/tree.h"
#include "profile/own_names.h"

#define MAX_FUNCTIONS 200000

// Functions that only this file knows.
__attribute__((noinline)) static int own_first(int number)
{
	__asm__ volatile("" : "+r"(number));
	return number + 1;
}

__attribute__((noinline)) static int own_second(int number)
{
	__asm__ volatile("" : "+r"(number));
	return number + 2;
}

#define A10 "aaaaaaaaaa"
#define A100 A10 A10 A10 A10 A10 A10 A10 A10 A10 A10
#define A1000 A100 A100 A100 A100 A100 A100 A100 A100 A100 A100
#define A9000 A1000 A1000 A1000 A1000 A1000 A1000 A1000 A1000 A1000
#define BEGIN(binding, name) "." binding " " name "\n.type " name ",@function\n" name ":\n"
#define END(name) ".size " name ",.-" name "\n"
#define FILL(num_bytes) ".fill " #num_bytes ",1,0x90\n"

// Functions with several names, within one another, without an end, with long names.  Which of two symbols comes first
// in the table is the linker's choice: so there are pairs in either order.
__asm__(".pushsection .text\n"
	BEGIN("globl", "__own_global_1") BEGIN("local", "own_local_1") FILL(16) END("__own_global_1") END("own_local_1")
	BEGIN("local", "own_local_2") BEGIN("globl", "__own_global_2") FILL(16) END("__own_global_2") END("own_local_2")
	BEGIN("globl", "own_plain_1") BEGIN("globl", "_own_plain_1") FILL(16) END("own_plain_1") END("_own_plain_1")
	BEGIN("globl", "_own_plain_2") BEGIN("globl", "own_plain_2") FILL(16) END("own_plain_2") END("_own_plain_2")
	BEGIN("globl", "own_weak") BEGIN("weak", "awn_weak") FILL(16) END("own_weak") END("awn_weak")
	BEGIN("globl", "own_outer_1") FILL(16) BEGIN("globl", "own_inner_1") FILL(16) END("own_inner_1") FILL(16)
	END("own_outer_1") FILL(16) BEGIN("globl", "own_inner_2") FILL(16) END("own_inner_2") FILL(16)
	".globl own_outer_2\n.type own_outer_2,@function\n.set own_outer_2, own_inner_2 - 16\n.size own_outer_2, 48\n"
	BEGIN("globl", "own_sized") FILL(16) BEGIN("globl", "own_label") FILL(16) END("own_sized")
	BEGIN("globl", "own_unsized") FILL(64)
	BEGIN("globl", "own_long_" A100 A100 A100) FILL(16) END("own_long_" A100 A100 A100)
	BEGIN("globl", "own_longest_" A9000) FILL(16) END("own_longest_" A9000)
	".popsection\n");

extern const char __own_global_1[], __own_global_2[], own_plain_1[], own_plain_2[], own_weak[], own_outer_1[],
	own_inner_2[], own_sized[], own_unsized[];
extern const char own_long[] __asm__("own_long_" A100 A100 A100), own_longest[] __asm__("own_longest_" A9000);

struct fixture {
	struct ledger ledger;
	struct mapping own, libc;
	char own_path[PATH_MAX], libc_path[PATH_MAX], own_id[100], libc_id[100], directory[40];
	struct arena arena;
	struct own_names names;
	struct profile_sink sink;
	char **functions; // by id; NULL: none
	uint32_t num_functions, max_functions;
};

static bool keep_function(void *context, const struct profile_function *function)
{
	struct fixture *fixture = context;
	assert_true(function->id > 2 && function->id < MAX_FUNCTIONS);
	assert_null(fixture->functions[function->id]);
	assert_string_equal(function->name, function->system_name);
	fixture->functions[function->id] = strdup(function->name);
	return ++fixture->num_functions < fixture->max_functions;
}

static void read_build_id(const char *path, char *build_id)
{
	const void *bytes;
	int fd = open(path, O_RDONLY);
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	ssize_t num_bytes = dwelf_elf_gnu_build_id(elf, &bytes);
	assert_in_range(num_bytes, 8, 40);
	for (ssize_t i = 0; i < num_bytes; i++)
		sprintf(build_id + 2 * i, "%02x", ((const unsigned char *)bytes)[i]);
	elf_end(elf);
	close(fd);
}

// The executable mapping that an address lies in.
static void find_mapping(const void *address, struct mapping *mapping, char *path, char *build_id)
{
	char line[PATH_MAX + 200], mode[5];
	FILE *maps = fopen("/proc/self/maps", "r");
	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %4s %lx %*s %*s %s", &mapping->start, &mapping->limit, mode, &mapping->offset, path) == 5 &&
		    mapping->start <= (uintptr_t)address && (uintptr_t)address < mapping->limit)
			break;
	fclose(maps);
	read_build_id(path, build_id);
	mapping->path = path;
	mapping->build_id = build_id;
}

static int create(void **state)
{
	struct fixture *fixture = *state = calloc(1, sizeof(*fixture));
	assert_true(ledger_create(&fixture->ledger, 64 << 20, 512));
	find_mapping((const void *)(uintptr_t)own_first, &fixture->own, fixture->own_path, fixture->own_id);
	find_mapping(dlsym(dlopen("libc.so.6", RTLD_LAZY), "qsort"), &fixture->libc, fixture->libc_path, fixture->libc_id);
	fixture->functions = calloc(MAX_FUNCTIONS, sizeof(*fixture->functions));
	fixture->max_functions = UINT32_MAX;
	fixture->sink = (struct profile_sink){ .context = fixture, .function = keep_function };
	strcpy(fixture->directory, "/tmp/test_own_names.XXXXXX");
	return mkdtemp(fixture->directory) ? 0 : -1;
}

static int destroy(void **state)
{
	struct fixture *fixture = *state;
	char command[100];
	for (int i = 0; i < MAX_FUNCTIONS; i++)
		free(fixture->functions[i]);
	free(fixture->functions);
	arena_deinit(&fixture->arena);
	ledger_destroy(&fixture->ledger);
	snprintf(command, sizeof(command), "rm -r %s", fixture->directory);
	free(fixture);
	return system(command);
}

static bool push(struct fixture *fixture)
{
	arena_deinit(&fixture->arena);
	arena_init(&fixture->arena, OWN_NAMES_ARENA_BYTES);
	assert_true(own_names_init(&fixture->names, &fixture->arena, &fixture->ledger));
	fixture->names.deadline_ns = INT64_MAX;
	for (uint32_t i = 0; i < MAX_FUNCTIONS; i++) {
		free(fixture->functions[i]);
		fixture->functions[i] = NULL;
	}
	fixture->num_functions = 0;
	return own_names_push(&fixture->names, 2, &fixture->sink);
}

static const char *find(const struct fixture *fixture, uint32_t frame)
{
	uint32_t id = own_names_get(&fixture->names, frame);
	return id ? fixture->functions[id] : NULL;
}

static uint32_t add_frame(struct fixture *fixture, uint32_t mapping, uintptr_t address)
{
	uint32_t frame = tree_get_frame(&fixture->ledger, mapping, address);
	assert_int_not_equal(frame, 0);
	return frame;
}

static void test_own_functions_are_found_by_their_addresses(void **state)
{
	struct fixture *fixture = *state;
	uint32_t mapping = mapping_add(&fixture->ledger, &fixture->own);
	uint32_t second = add_frame(fixture, mapping, (uintptr_t)own_second + 1);
	uint32_t first = add_frame(fixture, mapping, (uintptr_t)own_first);
	uint32_t again = add_frame(fixture, mapping, (uintptr_t)own_first + 1), nowhere = add_frame(fixture, 0, 0x1234);
	assert_int_equal(own_first(1) + own_second(1), 5);
	assert_true(push(fixture));
	assert_string_equal(find(fixture, first), "own_first");
	assert_string_equal(find(fixture, again), "own_first");
	assert_string_equal(find(fixture, second), "own_second");
	assert_null(find(fixture, nowhere));
	assert_null(find(fixture, UINT32_MAX));
	assert_int_equal(fixture->num_functions, 2);
}

static void test_the_best_of_several_symbols_is_found(void **state)
{
	struct fixture *fixture = *state;
	const struct {
		const char *address, *expected;
	} cases[] = {
		{ __own_global_1, "__own_global_1" }, { __own_global_2, "__own_global_2" },
		{ own_plain_1, "own_plain_1" }, { own_plain_2, "own_plain_2" }, { own_weak, "own_weak" },
		{ own_outer_1, "own_outer_1" }, { own_outer_1 + 15, "own_outer_1" }, { own_outer_1 + 16, "own_inner_1" },
		{ own_outer_1 + 31, "own_inner_1" }, { own_outer_1 + 32, "own_outer_1" }, { own_outer_1 + 47, "own_outer_1" },
		{ own_inner_2, "own_inner_2" }, { own_inner_2 + 16, "own_outer_2" },
		{ own_sized + 15, "own_sized" }, { own_sized + 16, "own_sized" }, { own_unsized, "own_unsized" },
		{ own_unsized + 63, "own_unsized" }, { own_long + 1, "own_long_" A100 A100 A100 }, { own_longest, NULL },
	};
	uint32_t mapping = mapping_add(&fixture->ledger, &fixture->own), frames[sizeof(cases) / sizeof(cases[0])];
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		frames[i] = add_frame(fixture, mapping, (uintptr_t)cases[i].address);
	assert_true(push(fixture));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *found = find(fixture, frames[i]);
		assert_int_equal(found != NULL, cases[i].expected != NULL);
		if (found)
			assert_string_equal(found, cases[i].expected);
	}
}

// libc has no .symtab here, and many of its functions have several names.
static void test_functions_of_libc_are_those_that_the_loader_knows(void **state)
{
	struct fixture *fixture = *state;
	void *libc = dlopen("libc.so.6", RTLD_LAZY);
	uint32_t mapping = mapping_add(&fixture->ledger, &fixture->libc), num_known = 0, num = 0;
	for (uintptr_t at = fixture->libc.start; at < fixture->libc.limit; at += 101, num++)
		add_frame(fixture, mapping, at);
	assert_true(push(fixture));
	assert_true(num > 10000);
	for (uint32_t frame = 1; frame < read_num(&fixture->ledger, LEDGER_FRAMES); frame++) {
		uint32_t of;
		uint64_t address;
		Dl_info info;
		const Elf64_Sym *symbol = NULL;
		if (!read_frame(&fixture->ledger, frame, &of, &address) || of != mapping ||
		    !dladdr1((void *)address, &info, (void **)&symbol, RTLD_DL_SYMENT))
			continue;
		const char *found = find(fixture, frame);
		bool is_within = info.dli_sname && address - (uintptr_t)info.dli_saddr < symbol->st_size;
		if (!is_within || ELF64_ST_TYPE(symbol->st_info) == STT_GNU_IFUNC)
			continue; // dlsym() calls what chooses a function
		assert_non_null(found);
		if (!dlsym(libc, found)) // an old version
			continue;
		num_known++;
		assert_true(dlsym(libc, found) == info.dli_saddr || strcmp(found, info.dli_sname) == 0);
	}
	assert_true(num_known > 2000);
	uint32_t last = add_frame(fixture, mapping, (uintptr_t)dlsym(libc, "malloc") + 1);
	assert_true(push(fixture));
	assert_string_equal(find(fixture, last), "malloc"); // and not __libc_malloc
}

static void test_what_is_in_another_file_by_now_has_no_name(void **state)
{
	struct fixture *fixture = *state;
	struct mapping others[] = { fixture->own, fixture->own, fixture->own, fixture->own, fixture->own };
	uint32_t frames[6];
	others[0].build_id = "0123";
	others[1].build_id = "";
	others[2].path = "/no/such/file";
	others[3].path = "/dev/zero";
	others[4].path = fixture->directory;
	for (size_t i = 0; i < 6; i++)
		frames[i] = add_frame(fixture, mapping_add(&fixture->ledger, i < 5 ? &others[i] : &fixture->own),
				      (uintptr_t)own_first);
	assert_true(push(fixture));
	for (size_t i = 0; i < 5; i++)
		assert_null(find(fixture, frames[i]));
	assert_string_equal(find(fixture, frames[5]), "own_first");
}

static void test_a_pipe_at_the_path_is_not_waited_for(void **state)
{
	struct fixture *fixture = *state;
	char path[60];
	struct mapping mapping = fixture->own;
	snprintf(path, sizeof(path), "%s/pipe", fixture->directory);
	assert_int_equal(mkfifo(path, 0600), 0);
	mapping.path = path;
	uint32_t frame = add_frame(fixture, mapping_add(&fixture->ledger, &mapping), (uintptr_t)own_first);
	alarm(20);
	assert_true(push(fixture));
	alarm(0);
	assert_null(find(fixture, frame));
}

static void test_a_sink_may_end_the_stream(void **state)
{
	struct fixture *fixture = *state;
	uint32_t mapping = mapping_add(&fixture->ledger, &fixture->own);
	add_frame(fixture, mapping, (uintptr_t)own_first);
	add_frame(fixture, mapping, (uintptr_t)own_second);
	fixture->max_functions = 1;
	assert_false(push(fixture));
	assert_int_equal(fixture->num_functions, 1);
}

static void test_without_time_or_memory_there_are_no_names(void **state)
{
	struct fixture *fixture = *state;
	uint32_t frame = add_frame(fixture, mapping_add(&fixture->ledger, &fixture->own), (uintptr_t)own_first);
	assert_true(push(fixture));
	assert_non_null(find(fixture, frame));
	arena_deinit(&fixture->arena);
	arena_init(&fixture->arena, OWN_NAMES_ARENA_BYTES);
	assert_true(own_names_init(&fixture->names, &fixture->arena, &fixture->ledger));
	fixture->names.deadline_ns = 0;
	fixture->num_functions = 0;
	assert_true(own_names_push(&fixture->names, 2, &fixture->sink));
	assert_int_equal(fixture->num_functions, 0);
	assert_null(find(fixture, frame));
	arena_deinit(&fixture->arena);
	arena_init(&fixture->arena, 0);
	assert_false(own_names_init(&fixture->names, &fixture->arena, &fixture->ledger));
}

static void copy_file(const char *from, const char *to)
{
	char command[2 * PATH_MAX];
	snprintf(command, sizeof(command), "cp %s %s", from, to);
	assert_int_equal(system(command), 0);
}

// The file is cut, or bytes of it are others.  Run under AddressSanitizer in CI.
static void test_damaged_files_give_other_names_or_none(void **state)
{
	struct fixture *fixture = *state;
	char path[60];
	int num_right = 0;
	struct mapping mapping = fixture->own;
	snprintf(path, sizeof(path), "%s/program", fixture->directory);
	mapping.path = path;
	uint32_t number = mapping_add(&fixture->ledger, &mapping);
	uint32_t frame = add_frame(fixture, number, (uintptr_t)own_first);
	for (uintptr_t at = mapping.start; at < mapping.limit; at += 61)
		add_frame(fixture, number, at);
	srandom(11);
	for (int round = 0; round < 200; round++) {
		copy_file(fixture->own_path, path);
		int fd = open(path, O_RDWR);
		off_t size = lseek(fd, 0, SEEK_END);
		for (int i = 0; i < 20 && round % 4; i++) {
			char byte = (char)random();
			off_t at = i % 2 ? size - 1 - random() % 2600 : random() % size;
			assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		}
		if (round % 4 == 0)
			assert_int_equal(ftruncate(fd, round < 190 ? random() % size : size), 0);
		close(fd);
		assert_true(push(fixture));
		num_right += find(fixture, frame) && strcmp(find(fixture, frame), "own_first") == 0;
	}
	assert_in_range(num_right, 5, 195);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, create, destroy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_own_functions_are_found_by_their_addresses),
		TEST(test_the_best_of_several_symbols_is_found),
		TEST(test_functions_of_libc_are_those_that_the_loader_knows),
		TEST(test_what_is_in_another_file_by_now_has_no_name),
		TEST(test_a_pipe_at_the_path_is_not_waited_for),
		TEST(test_a_sink_may_end_the_stream),
		TEST(test_without_time_or_memory_there_are_no_names),
		TEST(test_damaged_files_give_other_names_or_none),
	};
	elf_version(EV_CURRENT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
