// SPDX-License-Identifier: Apache-2.0
// The file that stands for the vDSO has the functions that the loader finds in it, at the same places.
#include "unit/unit.h"

#include <dlfcn.h>
#include <gelf.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <elfutils/libdwelf.h>

#include "symbolize/vdso.h"

// By another way than vdso.c's: as the loader has it mapped.
static void read_build_id(char *build_id)
{
	const Elf64_Ehdr *header = (const void *)getauxval(AT_SYSINFO_EHDR);
	const Elf64_Phdr *segments = (const void *)((const char *)header + header->e_phoff);
	for (int i = 0; i < header->e_phnum; i++) {
		const char *at = (const char *)header + segments[i].p_offset, *limit = at + segments[i].p_filesz;
		while (segments[i].p_type == PT_NOTE && at < limit) {
			const Elf64_Nhdr *note = (const void *)at;
			const unsigned char *bytes = (const unsigned char *)at + sizeof(*note) + (note->n_namesz + 3) / 4 * 4;
			for (unsigned j = 0; note->n_type == NT_GNU_BUILD_ID && j < note->n_descsz; j++)
				sprintf(build_id + 2 * j, "%02x", bytes[j]);
			at = (const char *)bytes + (note->n_descsz + 3) / 4 * 4;
		}
	}
}

static int check_symbols(Elf *elf, void *loaded)
{
	int num_checked = 0;
	for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
		GElf_Shdr header;
		assert_non_null(gelf_getshdr(section, &header));
		for (int i = 0; header.sh_type == SHT_DYNSYM && i < (int)(header.sh_size / header.sh_entsize); i++) {
			GElf_Sym symbol;
			assert_non_null(gelf_getsym(elf_getdata(section, NULL), i, &symbol));
			const char *name = elf_strptr(elf, header.sh_link, symbol.st_name);
			if (GELF_ST_TYPE(symbol.st_info) != STT_FUNC || strncmp(name, "__vdso_", 7) != 0)
				continue;
			assert_ptr_equal(dlsym(loaded, name), (char *)getauxval(AT_SYSINFO_EHDR) + symbol.st_value);
			num_checked++;
		}
	}
	return num_checked;
}

static void test_it_has_the_functions_that_the_loader_finds(void **state)
{
	(void)state;
	char build_id[200] = "";
	if (!getauxval(AT_SYSINFO_EHDR))
		skip();
	read_build_id(build_id);
	assert_true(*build_id);
	void *loaded = dlopen("linux-vdso.so.1", RTLD_NOW | RTLD_NOLOAD);
	assert_non_null(loaded);
	int fd = vdso_open(build_id);
	assert_true(fd >= 0);
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	assert_non_null(elf);
	assert_true(check_symbols(elf, loaded) >= 3);
	elf_end(elf);
	close(fd);
}

static void test_that_of_another_kernel_is_not_had(void **state)
{
	(void)state;
	assert_int_equal(vdso_open("0123456789abcdef0123456789abcdef01234567"), -1);
	assert_int_equal(vdso_open(""), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_has_the_functions_that_the_loader_finds),
		cmocka_unit_test(test_that_of_another_kernel_is_not_had),
	};
	elf_version(EV_CURRENT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
