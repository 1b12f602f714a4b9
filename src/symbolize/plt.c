// SPDX-License-Identifier: Apache-2.0
// PLT: the stubs of an ELF file.  OUTSIDE.
#include "symbolize/plt.h"

#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "symbolize/elf_image.h"

#define STUB_BYTES 16             // the longest
#define SHORT_STUB_BYTES 8        // the shortest, and what all are aligned to
#define MAX_NAMES_BYTES (1 << 26) // of all stubs; what goes beyond has no name
#define SUFFIX "@plt"

struct slot {
	uint64_t address;
	uint32_t symbol; // number
};

struct stub {
	uint64_t start, limit;
	char *name;
};

struct plt {
	struct stub *stubs; // by start
	size_t num_stubs;
};

// What is needed to make it.
struct source {
	struct elf_image image;
	struct slot *slots; // by address
	size_t num_slots;
	const uint8_t *symbols, *strings, *lazy; // lazy: relocations, by the number that a lazy stub pushes
	uint64_t num_symbols_bytes, num_strings_bytes, num_lazy;
	size_t num_names_bytes;
};

static int compare_slots(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;
	return (x->address > y->address) - (x->address < y->address);
}

static int compare_stubs(const void *a, const void *b)
{
	const struct stub *x = a, *y = b;
	return (x->start > y->start) - (x->start < y->start);
}

static void add_slots(struct source *source, int64_t tag)
{
	uint64_t num;
	const uint8_t *relocations = elf_image_get_relocations(&source->image, tag, &num);
	if (!relocations)
		return;
	source->slots = memory_resize(source->slots, source->num_slots + num, sizeof(*source->slots));
	for (uint64_t i = 0; i < num; i++) {
		Elf64_Rela relocation = elf_image_read_relocation(relocations, i);
		uint32_t type = ELF64_R_TYPE(relocation.r_info), symbol = ELF64_R_SYM(relocation.r_info);
		if (symbol && (type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT))
			source->slots[source->num_slots++] = (struct slot){ relocation.r_offset, symbol };
	}
}

static bool source_init(struct source *source, Elf *elf)
{
	*source = (struct source){ .num_slots = 0 };
	if (!elf_image_init(&source->image, elf))
		return false;
	const struct elf_image *image = &source->image;
	source->symbols = elf_image_find(image, elf_image_get_dynamic(image, DT_SYMTAB), &source->num_symbols_bytes);
	source->strings = elf_image_find(image, elf_image_get_dynamic(image, DT_STRTAB), &source->num_strings_bytes);
	source->lazy = elf_image_get_relocations(image, DT_JMPREL, &source->num_lazy);
	add_slots(source, DT_RELA);
	add_slots(source, DT_JMPREL);
	if (source->num_slots)
		qsort(source->slots, source->num_slots, sizeof(*source->slots), compare_slots);
	return source->symbols && source->strings && source->num_slots;
}

// The name of a symbol with the suffix; NULL: none.
static char *make_name(struct source *source, uint32_t symbol)
{
	Elf64_Sym entry;
	uint64_t offset = symbol * sizeof(entry);
	if (!symbol || offset >= source->num_symbols_bytes || source->num_symbols_bytes - offset < sizeof(entry))
		return NULL;
	memcpy(&entry, source->symbols + offset, sizeof(entry));
	if (entry.st_name >= source->num_strings_bytes)
		return NULL;
	const char *string = (const char *)source->strings + entry.st_name;
	uint64_t num_left = source->num_strings_bytes - entry.st_name, budget = MAX_NAMES_BYTES - source->num_names_bytes;
	size_t length = strnlen(string, num_left < budget ? num_left : budget);
	size_t size_bytes = length + sizeof(SUFFIX);
	if (!length || length == num_left || size_bytes > budget)
		return NULL;
	source->num_names_bytes += size_bytes;
	char *name = memory_get(1, size_bytes);
	memcpy(name, string, length);
	memcpy(name + length, SUFFIX, sizeof(SUFFIX));
	return name;
}

static uint32_t find_slot(const struct source *source, uint64_t address)
{
	const struct slot key = { .address = address };
	const struct slot *slot = bsearch(&key, source->slots, source->num_slots, sizeof(key), compare_slots);
	return slot ? slot->symbol : 0;
}

// The symbol of the stub that begins at bytes; 0: none begins there.
static uint32_t find_symbol(const struct source *source, const uint8_t *bytes, uint64_t num_bytes, uint64_t address)
{
	static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	uint64_t at = 0;
	bool is_tracked = num_bytes >= sizeof(endbr64) && memcmp(bytes, endbr64, sizeof(endbr64)) == 0;
	if (is_tracked)
		at = sizeof(endbr64);
	if (is_tracked && at + 5 <= num_bytes && bytes[at] == 0x68) { // push number: of lazy ones the other half
		uint32_t number = elf_image_read32(bytes + at + 1);
		return source->lazy && number < source->num_lazy ?
			       ELF64_R_SYM(elf_image_read_relocation(source->lazy, number).r_info) : 0;
	}
	if (at < num_bytes && bytes[at] == 0xf2) // bnd
		at++;
	if (at + 6 > num_bytes || bytes[at] != 0xff || bytes[at + 1] != 0x25) // jmp *displacement(%rip)
		return 0;
	int32_t displacement = (int32_t)elf_image_read32(bytes + at + 2);
	return find_slot(source, address + at + 6 + (uint64_t)(int64_t)displacement);
}

static void add_stubs(struct plt *plt, struct source *source, const GElf_Shdr *section)
{
	const uint8_t *bytes = elf_image_get(&source->image, section->sh_addr, section->sh_size);
	for (uint64_t at = 0; bytes && at < section->sh_size; at += SHORT_STUB_BYTES) {
		uint64_t address = section->sh_addr + at, num_left = section->sh_size - at;
		char *name = make_name(source, find_symbol(source, bytes + at, num_left, address));
		if (!name)
			continue;
		uint64_t size_bytes = num_left < STUB_BYTES ? num_left : STUB_BYTES; // or up to the next
		plt->stubs = memory_resize(plt->stubs, plt->num_stubs + 1, sizeof(*plt->stubs));
		plt->stubs[plt->num_stubs++] = (struct stub){ address, address + size_bytes, name };
	}
}

static void add_sections(struct plt *plt, struct source *source, Elf *elf)
{
	size_t names;
	if (elf_getshdrstrndx(elf, &names) != 0)
		return;
	for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
		GElf_Shdr header;
		const char *name = gelf_getshdr(section, &header) ? elf_strptr(elf, names, header.sh_name) : NULL;
		if (name && strncmp(name, ".plt", 4) == 0 && header.sh_type == SHT_PROGBITS &&
		    (header.sh_flags & SHF_EXECINSTR))
			add_stubs(plt, source, &header);
	}
	if (plt->num_stubs)
		qsort(plt->stubs, plt->num_stubs, sizeof(*plt->stubs), compare_stubs);
}

struct plt *plt_create(Elf *elf)
{
	struct source source;
	struct plt *plt = memory_get(1, sizeof(*plt));
	if (source_init(&source, elf))
		add_sections(plt, &source, elf);
	free(source.slots);
	if (plt->num_stubs)
		return plt;
	plt_destroy(plt);
	return NULL;
}

void plt_destroy(struct plt *plt)
{
	if (!plt)
		return;
	for (size_t i = 0; i < plt->num_stubs; i++)
		free(plt->stubs[i].name);
	free(plt->stubs);
	free(plt);
}

const char *plt_find(const struct plt *plt, uint64_t address)
{
	size_t low = 0, high = plt->num_stubs;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (plt->stubs[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low && address < plt->stubs[low - 1].limit ? plt->stubs[low - 1].name : NULL;
}
