// SPDX-License-Identifier: Apache-2.0
// Go module: where Go's linker put things.  OUTSIDE.
#include "symbolize/go_module.h"

#include <gelf.h>

#define TABLE_ALIGNMENT 32 // Go's linker aligns it so, and C linkers keep that
#define MAX_CANDIDATES 16

// Words of runtime.firstmoduledata.
enum {
	WORD_HEADER = 0, // the table's
	WORD_NAMES = 1,
	WORD_UNITS = 4,
	WORD_TEXT = 22,
	WORD_FUNCTION_DATA_1_18 = 38,
	WORD_FUNCTION_DATA_1_20 = 40, // after two for test coverage
	NUM_WORDS,
};

static bool is_go(const char *section)
{
	return strcmp(section, ".gopclntab") == 0 || strcmp(section, ".data.rel.ro.gopclntab") == 0 ||
	       strcmp(section, ".go.buildinfo") == 0 || strcmp(section, ".note.go.buildid") == 0;
}

// The address of the table's section; 0: none is called so.  A file of which no section is Go's need not be searched:
// *may_be_go.
static uint64_t find_section(Elf *elf, bool *may_be_go)
{
	size_t names;
	*may_be_go = true;
	if (elf_getshdrstrndx(elf, &names) != 0 || !elf_nextscn(elf, NULL))
		return 0;
	*may_be_go = false;
	for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
		GElf_Shdr header;
		const char *name = gelf_getshdr(section, &header) ? elf_strptr(elf, names, header.sh_name) : NULL;
		if (!name || !is_go(name))
			continue;
		*may_be_go = true;
		if (strstr(name, "gopclntab"))
			return header.sh_addr;
	}
	return 0;
}

// Two zeros, the least size of an instruction and the size of a pointer follow the first four bytes.
static bool begins_table(const uint8_t *bytes)
{
	static const uint8_t rest[4] = { 0, 0, 1, 8 };
	uint32_t magic = elf_image_read32(bytes);
	return (magic == GO_MAGIC_1_2 || magic == GO_MAGIC_1_16 || magic == GO_MAGIC_1_18 || magic == GO_MAGIC_1_20) &&
	       memcmp(bytes + 4, rest, sizeof(rest)) == 0;
}

bool go_module_find_table(const struct elf_image *image, Elf *elf, uint64_t *address)
{
	bool may_be_go;
	uint64_t section = find_section(elf, &may_be_go);
	const uint8_t *bytes = section >= *address && section ? elf_image_get(image, section, 8) : NULL;
	if (bytes && begins_table(bytes)) {
		*address = section;
		return true;
	}
	for (size_t i = 0; may_be_go && i < image->num_segments; i++) {
		const struct elf_segment *segment = &image->segments[i];
		uint64_t at = (TABLE_ALIGNMENT - segment->address % TABLE_ALIGNMENT) % TABLE_ALIGNMENT;
		for (; at + 8 <= segment->size_bytes; at += TABLE_ALIGNMENT)
			if (segment->address + at >= *address && begins_table(segment->bytes + at)) {
				*address = segment->address + at;
				return true;
			}
	}
	return false;
}

// The record's words as they are when the file is loaded at the addresses that it gives.
static bool read_words(const struct elf_image *image, uint64_t address, uint64_t words[NUM_WORDS])
{
	uint64_t num;
	const uint8_t *bytes = elf_image_get(image, address, NUM_WORDS * sizeof(*words));
	const uint8_t *relocations = elf_image_get_relocations(image, DT_RELA, &num);
	if (!bytes)
		return false;
	memcpy(words, bytes, NUM_WORDS * sizeof(*words));
	for (uint64_t i = 0; relocations && i < num; i++) {
		Elf64_Rela relocation = elf_image_read_relocation(relocations, i);
		uint64_t offset = relocation.r_offset - address;
		if (offset < NUM_WORDS * sizeof(*words) && offset % sizeof(*words) == 0 &&
		    ELF64_R_TYPE(relocation.r_info) == R_X86_64_RELATIVE)
			words[offset / sizeof(*words)] = (uint64_t)relocation.r_addend;
	}
	return true;
}

// Is the record there, with the addresses of the table's parts as the table's header has them?
static bool read_record(struct go_module *module, const struct elf_image *image, uint64_t address)
{
	uint64_t words[NUM_WORDS];
	const uint8_t *header = elf_image_get(image, module->table, 64);
	if (!header || !read_words(image, address, words) || words[WORD_HEADER] != module->table ||
	    words[WORD_NAMES] != module->table + elf_image_read64(header + 32) ||
	    words[WORD_UNITS] != module->table + elf_image_read64(header + 40))
		return false;
	bool is_1_18 = elf_image_read32(header) == GO_MAGIC_1_18;
	module->text = words[WORD_TEXT];
	module->function_data = words[is_1_18 ? WORD_FUNCTION_DATA_1_18 : WORD_FUNCTION_DATA_1_20];
	return true;
}

// Where the loader writes the table's address.
static bool search_relocations(struct go_module *module, const struct elf_image *image)
{
	uint64_t num;
	const uint8_t *relocations = elf_image_get_relocations(image, DT_RELA, &num);
	int num_candidates = 0;
	for (uint64_t i = 0; relocations && i < num && num_candidates < MAX_CANDIDATES; i++) {
		Elf64_Rela relocation = elf_image_read_relocation(relocations, i);
		if (ELF64_R_TYPE(relocation.r_info) != R_X86_64_RELATIVE ||
		    (uint64_t)relocation.r_addend != module->table)
			continue;
		if (read_record(module, image, relocation.r_offset))
			return true;
		num_candidates++;
	}
	return false;
}

// Where the table's address stands in the file.
static bool search_segments(struct go_module *module, const struct elf_image *image)
{
	int num_candidates = 0;
	for (size_t i = 0; i < image->num_segments; i++) {
		const struct elf_segment *segment = &image->segments[i];
		uint64_t at = (8 - segment->address % 8) % 8;
		if (!(segment->flags & PF_W))
			continue;
		for (; at + 8 <= segment->size_bytes && num_candidates < MAX_CANDIDATES; at += 8) {
			if (elf_image_read64(segment->bytes + at) != module->table)
				continue;
			if (read_record(module, image, segment->address + at))
				return true;
			num_candidates++;
		}
	}
	return false;
}

void go_module_read(struct go_module *module, const struct elf_image *image)
{
	module->text = module->function_data = 0;
	if (!search_segments(module, image))
		search_relocations(module, image);
}
