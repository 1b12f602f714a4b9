// SPDX-License-Identifier: Apache-2.0
// A file of one segment and no sections, made by hand: what is at an offset in it is loaded at EXAMPLE_BASE + offset.
#ifndef CAIRN_TESTS_ELF_EXAMPLE_H
#define CAIRN_TESTS_ELF_EXAMPLE_H

#include <elf.h>
#include <stdint.h>
#include <string.h>

#define EXAMPLE_BASE 0x400000
#define EXAMPLE_BYTES 0x2000

struct elf_example {
	_Alignas(32) uint8_t bytes[EXAMPLE_BYTES];
	size_t at; // where put() writes
};

static inline void put(struct elf_example *example, uint64_t value, size_t num_bytes)
{
	memcpy(example->bytes + example->at, &value, num_bytes);
	example->at += num_bytes;
}

// Returns the offset that it is put at.
static inline size_t put_string(struct elf_example *example, const char *string)
{
	size_t at = example->at;
	memcpy(example->bytes + at, string, strlen(string) + 1);
	example->at += strlen(string) + 1;
	return at;
}

static inline void put_headers(struct elf_example *example)
{
	const Elf64_Ehdr header = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC, .e_machine = EM_X86_64, .e_version = EV_CURRENT, .e_phoff = sizeof(header),
		.e_ehsize = sizeof(header), .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 1,
	};
	const Elf64_Phdr segment = { .p_type = PT_LOAD, .p_flags = PF_R | PF_W | PF_X, .p_vaddr = EXAMPLE_BASE,
				     .p_filesz = EXAMPLE_BYTES, .p_memsz = EXAMPLE_BYTES };
	memcpy(example->bytes, &header, sizeof(header));
	memcpy(example->bytes + sizeof(header), &segment, sizeof(segment));
}

#endif
