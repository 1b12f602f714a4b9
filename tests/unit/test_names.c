// SPDX-License-Identifier: Apache-2.0
/*
 * Names of functions from symbol tables: this program's own, at several layouts (tests/unit/meson.build), those of
 * libc, and those of files that were replaced, stripped or damaged.
 */
#include "unit/unit.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/mappings.h"
#include "ledger/tree.h"
#include "symbolize/demangle.h"
#include "symbolize/names.h"
#include "symbolize/symbols.h"

// Functions that only this file knows.
__attribute__((noinline)) static int names_first(int number)
{
	__asm__ volatile("" : "+r"(number));
	return number + 1;
}

__attribute__((noinline)) static int names_second(int number)
{
	__asm__ volatile("" : "+r"(number));
	return number + 2;
}

// Where a function of libc is; its name alone may mean the program's own jump to it.
static void *find_in_libc(const char *function)
{
	static void *libc;
	libc = libc ? libc : dlopen("libc.so.6", RTLD_LAZY);
	return dlsym(libc, function);
}

// A mapping of this process as the ledger notes it.
struct place {
	struct mapping mapping;
	char path[PATH_MAX];
	char build_id[100];
};

static void note_build_id(struct place *place, const struct dl_phdr_info *info, const ElfW(Phdr) *header)
{
	const char *at = (const char *)(info->dlpi_addr + header->p_vaddr), *end = at + header->p_memsz;
	while (at + sizeof(ElfW(Nhdr)) < end) {
		const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)at;
		const unsigned char *bytes = (const unsigned char *)at + sizeof(*note) + ((note->n_namesz + 3) & ~3u);
		if (note->n_type == NT_GNU_BUILD_ID)
			for (unsigned i = 0; i < note->n_descsz; i++)
				sprintf(place->build_id + 2 * i, "%02x", bytes[i]);
		at = (const char *)bytes + ((note->n_descsz + 3) & ~3u);
	}
}

static int find_build_id(struct dl_phdr_info *info, size_t size, void *context)
{
	struct place *place = context;
	(void)size;
	bool is_here = false;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		uintptr_t start = (info->dlpi_addr + header->p_vaddr) & ~4095ul;
		is_here |= header->p_type == PT_LOAD && start <= place->mapping.start &&
			   place->mapping.start < info->dlpi_addr + header->p_vaddr + header->p_memsz;
	}
	for (int i = 0; is_here && i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_NOTE)
			note_build_id(place, info, &info->dlpi_phdr[i]);
	return is_here;
}

static struct place *find_place(const void *code)
{
	struct place *place = calloc(1, sizeof(*place));
	char line[PATH_MAX + 100];
	FILE *maps = fopen("/proc/self/maps", "r");
	while (fgets(line, sizeof(line), maps)) {
		sscanf(line, "%lx-%lx %*s %lx %*s %*s %s", &place->mapping.start, &place->mapping.limit, &place->mapping.offset,
		       place->path);
		if (place->mapping.start <= (uintptr_t)code && (uintptr_t)code < place->mapping.limit)
			break;
	}
	fclose(maps);
	place->mapping.path = place->path;
	place->mapping.build_id = place->build_id;
	dl_iterate_phdr(find_build_id, place);
	return place;
}

struct fixture {
	struct ledger ledger;
	struct names *names;
	struct place *own, *libc;
	uint32_t own_number, libc_number;
	char directory[PATH_MAX];
};

static int create(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	*state = fixture;
	ledger_create(&fixture->ledger, 1 << 20, 512);
	fixture->own = find_place(names_first);
	fixture->libc = find_place(find_in_libc("qsort"));
	fixture->own_number = mapping_add(&fixture->ledger, &fixture->own->mapping);
	fixture->libc_number = mapping_add(&fixture->ledger, &fixture->libc->mapping);
	fixture->names = names_create(getpid());
	strcpy(fixture->directory, "/tmp/test_names.XXXXXX");
	return mkdtemp(fixture->directory) && fixture->own->build_id[0] ? 0 : -1;
}

static void run(const char *format, ...)
{
	char command[4 * PATH_MAX];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	assert_int_equal(system(command), 0);
}

static int destroy(void **state)
{
	struct fixture *fixture = *state;
	run("rm -r %s", fixture->directory);
	names_destroy(fixture->names);
	ledger_destroy(&fixture->ledger);
	free(fixture->own);
	free(fixture->libc);
	free(fixture);
	return 0;
}

static const char *find_own(struct fixture *fixture, int (*function)(int), int offset)
{
	return names_find(fixture->names, &fixture->ledger, fixture->own_number, (uintptr_t)function + (uintptr_t)offset);
}

static void test_own_functions_are_found_by_their_addresses(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(names_first(1) + names_second(1), 5);
	for (int i = 0; i < 2; i++) { // the second time from what was remembered
		assert_string_equal(find_own(fixture, names_first, 0), "names_first");
		assert_string_equal(find_own(fixture, names_first, 1), "names_first");
		assert_string_equal(find_own(fixture, names_second, 1), "names_second");
	}
	assert_null(names_get_problem(fixture->names, fixture->own_number));
}

static void test_functions_of_libc_are_those_that_the_loader_knows(void **state)
{
	struct fixture *fixture = *state;
	static const char *const functions[] = { "qsort", "fgets", "getenv", "strtoul", "setlocale", "regcomp" };
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		uintptr_t address = (uintptr_t)find_in_libc(functions[i]);
		const char *found = names_find(fixture->names, &fixture->ledger, fixture->libc_number, address + 1);
		assert_non_null(found);
		assert_ptr_equal(find_in_libc(found), (void *)address); // it may have several names
	}
}

static void test_what_is_in_no_mapping_has_no_name(void **state)
{
	struct fixture *fixture = *state;
	struct ledger *ledger = &fixture->ledger;
	struct mapping before = fixture->own->mapping, after = before;
	before.limit = (uintptr_t)names_first;
	after.start = (uintptr_t)names_first + 1;
	after.offset += after.start - before.start;
	assert_null(names_find(fixture->names, ledger, mapping_add(ledger, &before), (uintptr_t)names_first));
	assert_null(names_find(fixture->names, ledger, mapping_add(ledger, &after), (uintptr_t)names_first));
	assert_null(names_find(fixture->names, ledger, 0, (uintptr_t)names_first));
	assert_null(names_find(fixture->names, ledger, UINT32_MAX, (uintptr_t)names_first));
}

static void assert_frame(struct fixture *fixture, uint32_t frame, const char *expected)
{
	char storage[200];
	struct text text = TEXT_ON(storage);
	names_add_frame(fixture->names, &fixture->ledger, frame, &text);
	assert_string_equal(storage, expected);
}

static void test_a_frame_without_a_name_is_told_by_file_and_offset(void **state)
{
	struct fixture *fixture = *state;
	struct ledger *ledger = &fixture->ledger;
	const struct mapping gone = { 0x10000, 0x20000, 0x3000, "/no/such/libgone.so", "" };
	const struct mapping vdso = { 0x30000, 0x40000, 0, "[vdso]", "" };
	uint32_t number = mapping_add(ledger, &gone);
	assert_frame(fixture, tree_get_frame(ledger, number, 0x10010), "[libgone.so+0x3010]");
	assert_string_equal(names_get_problem(fixture->names, number), "no such file");
	assert_frame(fixture, tree_get_frame(ledger, mapping_add(ledger, &vdso), 0x30010), "[vdso]");
	assert_frame(fixture, tree_get_frame(ledger, 0, 0x1234), "[0x1234]");
	assert_frame(fixture, LEDGER_FRAME_TRUNCATED, "[truncated]");
	assert_frame(fixture, UINT32_MAX, "[damaged]");
	assert_frame(fixture, tree_get_frame(ledger, fixture->own_number, (uintptr_t)names_second), "names_second");
}

static void test_another_file_at_the_path_is_not_asked(void **state)
{
	struct fixture *fixture = *state;
	struct mapping replaced = fixture->own->mapping;
	replaced.build_id = "0123";
	uint32_t number = mapping_add(&fixture->ledger, &replaced);
	assert_null(names_find(fixture->names, &fixture->ledger, number, (uintptr_t)names_first));
	char expected[200];
	snprintf(expected, sizeof(expected), "the file was replaced: build id 0123 is wanted, it has %s", fixture->own->build_id);
	assert_string_equal(names_get_problem(fixture->names, number), expected);
}

static struct symbols *open_names(const char *path, const char *build_id, struct error *error)
{
	static const struct symbols_search search = { .root = "" };
	return symbols_open(path, build_id, &search, SYMBOLS_NAMES, error);
}

static void assert_problem(const char *path, const char *expected)
{
	struct error error;
	assert_null(open_names(path, "", &error));
	assert_string_equal(error.message, expected);
}

static void test_only_regular_files_are_opened(void **state)
{
	struct fixture *fixture = *state;
	char path[PATH_MAX + 10];
	snprintf(path, sizeof(path), "%s/pipe", fixture->directory);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_problem(path, "not a regular file");
	assert_problem("/dev/zero", "not a regular file");
	assert_problem(fixture->directory, "not a regular file");
	assert_problem("/dev/null/file", "no such file");
	snprintf(path, sizeof(path), "%s/text", fixture->directory);
	run("echo text > %s", path);
	assert_problem(path, "not an ELF file for x86-64");
}

// The offset in the file of a function of this program.
static uint64_t offset_of(const struct fixture *fixture, int (*function)(int))
{
	return (uintptr_t)function - fixture->own->mapping.start + fixture->own->mapping.offset;
}

static void assert_found_in(struct fixture *fixture, const char *path)
{
	struct error error;
	struct symbols *symbols = open_names(path, fixture->own->build_id, &error);
	assert_non_null(symbols);
	assert_string_equal(symbols_find(symbols, offset_of(fixture, names_first)), "names_first");
	assert_string_equal(symbols_find(symbols, offset_of(fixture, names_second)), "names_second");
	symbols_close(symbols);
}

static void test_a_stripped_file_has_its_names_in_a_separate_one(void **state)
{
	struct fixture *fixture = *state;
	const char *directory = fixture->directory;
	struct error error;
	char path[PATH_MAX + 10];
	snprintf(path, sizeof(path), "%s/program", directory);
	run("cp %s %s && strip %s", fixture->own->path, path, path);
	struct symbols *symbols = open_names(path, fixture->own->build_id, &error);
	assert_non_null(symbols);
	assert_null(symbols_find(symbols, offset_of(fixture, names_first)));
	symbols_close(symbols);
	run("mkdir %s/.debug && cd %s/.debug && objcopy --only-keep-debug %s program.debug && "
	    "objcopy --add-gnu-debuglink=program.debug %s", directory, directory, fixture->own->path, path);
	assert_found_in(fixture, path);
	run("objcopy --remove-section=.note.gnu.build-id %s/.debug/program.debug 2>/dev/null", directory);
	symbols = open_names(path, fixture->own->build_id, &error);
	assert_null(symbols_find(symbols, offset_of(fixture, names_first))); // it may be of another program
	symbols_close(symbols);
}

static void test_a_stripped_file_may_have_its_names_compressed_within(void **state)
{
	struct fixture *fixture = *state;
	char path[PATH_MAX + 10];
	snprintf(path, sizeof(path), "%s/program", fixture->directory);
	run("cp %s %s && cd %s && objcopy --only-keep-debug %s names && strip --strip-debug names && xz names && strip %s && "
	    "objcopy --add-section .gnu_debugdata=names.xz %s", fixture->own->path, path, fixture->directory, path, path, path);
	assert_found_in(fixture, path);
}

// Bytes of a copy of this program are overwritten: it is refused, or has other names, and nothing faults.  Run under
// AddressSanitizer in CI.
static void test_damaged_files_never_fault(void **state)
{
	struct fixture *fixture = *state;
	char path[PATH_MAX + 10];
	int num_opened = 0;
	snprintf(path, sizeof(path), "%s/program", fixture->directory);
	srandom(3);
	for (int round = 0; round < 150; round++) {
		struct error error;
		run("cp %s %s", fixture->own->path, path);
		int fd = open(path, O_RDWR);
		off_t size = lseek(fd, 0, SEEK_END);
		for (int i = 0; i < 30; i++) {
			char byte = (char)random();
			off_t at = i % 3 == 0 ? 18 + random() % 800 : i % 3 == 1 ? size - 1 - random() % 4000 : random() % size;
			assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		}
		if (round % 10 == 0)
			assert_int_equal(ftruncate(fd, random() % size), 0);
		close(fd);
		struct symbols *symbols = open_names(path, fixture->own->build_id, &error);
		num_opened += symbols != NULL;
		for (uint64_t at = 0; symbols && at < (uint64_t)size; at += 997) {
			const char *name = symbols_find(symbols, at);
			assert_true(!name || strlen(name) <= (size_t)size);
		}
		symbols_close(symbols);
	}
	assert_true(num_opened > 10);
}

// ThreadSanitizer hands signals on at the next system call only.
#ifdef __SANITIZE_THREAD__
#define IS_SIGNAL_HELD_BACK true
#else
#define IS_SIGNAL_HELD_BACK false
#endif

static void assert_demangled(const char *symbol, const char *expected)
{
	char storage[10000];
	struct text text = TEXT_ON(storage);
	demangle_add(&text, symbol);
	assert_string_equal(storage, expected);
}

static void test_mangled_names_are_written_as_people_do(void **state)
{
	(void)state;
	// 2^55 steps for libiberty: it stays as it is.
	static const char endless[] = "_Z1fIDpFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFPiS0_ES1_ES2_ES3_ES4_ES5_ES6_ES7_ES8_"
		"ES9_ESA_ESB_ESC_ESD_ESE_ESF_ESG_ESH_ESI_ESJ_ESK_ESL_ESM_ESN_ESO_ESP_ESQ_ESR_ESS_EST_ESU_ESV_ESW_ESX_ESY_ESZ_ES10_ES11_"
		"ES12_ES13_ES14_ES15_ES16_ES17_ES18_ES19_ES1A_ES1B_ES1C_ES1D_ES1E_ES1F_ES1G_ES1H_ES1I_ES1J_ES1K_ES1L_ES1M_ES1N_EEvv";
	if (!IS_SIGNAL_HELD_BACK)
		assert_demangled(endless, endless);
	assert_demangled("_ZNSt6vectorIiSaIiEE9push_backEOi", "std::vector<int>::push_back");
	assert_demangled("_ZNSt3mapINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEESt6vectorIiSaIiEESt4lessIS5_E"
			 "SaISt4pairIKS5_S8_EEEixERSC_", "std::map<std::string, std::vector<int>>::operator[]");
	assert_demangled("_ZN12_GLOBAL__N_15parseEPKc", "(anonymous namespace)::parse");
	assert_demangled("_ZlsR1AS0_", "operator<<");
	assert_demangled("_Znwm@@GLIBCXX_3.4", "operator new");
	assert_demangled("_RNvCs1234_7mycrate3foo", "mycrate::foo");
	assert_demangled("_ZN7mycrate3foo17h0123456789abcdefE", "mycrate::foo");
	assert_demangled("_D3foo3barFiZv", "foo.bar");
	assert_demangled("main.(*Tree).Insert", "main.(*Tree).Insert");
	assert_demangled("parse.constprop.0", "parse");
	assert_demangled("parse.part.0.cold", "parse");
	assert_demangled("qsort@@GLIBC_2.2.5", "qsort");
	assert_demangled("_Z", "_Z");
	assert_demangled("", "");
}

static void test_a_name_that_explodes_is_cut(void **state)
{
	(void)state;
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char symbol[2000] = "_Z1fISt4pairIiiE", storage[20000];
	struct text text = TEXT_ON(storage);
	for (int i = 0; digits[i]; i++) { // each several times as long as the one before
		char one[] = { 'S', digits[i], '_', 0 };
		strcat(symbol, "S_I");
		for (int j = 0; j < 8; j++)
			strcat(symbol, one);
		strcat(symbol, "E");
	}
	strcat(symbol, "Evv");
	demangle_add(&text, symbol);
	assert_memory_equal(storage, "f<std::pair<int, int>", 21);
	assert_in_range(strlen(storage), 7000, 8192);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, create, destroy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_own_functions_are_found_by_their_addresses),
		TEST(test_functions_of_libc_are_those_that_the_loader_knows),
		TEST(test_what_is_in_no_mapping_has_no_name),
		TEST(test_a_frame_without_a_name_is_told_by_file_and_offset),
		TEST(test_another_file_at_the_path_is_not_asked),
		TEST(test_only_regular_files_are_opened),
		TEST(test_a_stripped_file_has_its_names_in_a_separate_one),
		TEST(test_a_stripped_file_may_have_its_names_compressed_within),
		TEST(test_damaged_files_never_fault),
		cmocka_unit_test(test_mangled_names_are_written_as_people_do),
		cmocka_unit_test(test_a_name_that_explodes_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
