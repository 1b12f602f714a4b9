// SPDX-License-Identifier: Apache-2.0
/*
 * ELF image: what of an ELF file is loaded, by the addresses that the file gives it.
 *
 * OUTSIDE; any thread.  For what the loader and the program read, and libelf knows only by sections, which a file need
 * not have.  Nothing in the file is trusted: where it has no bytes there is NULL.
 */
#ifndef CAIRN_SYMBOLIZE_ELF_IMAGE_H
#define CAIRN_SYMBOLIZE_ELF_IMAGE_H

#include <elf.h>
#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ELF_IMAGE_MAX_SEGMENTS 64

struct elf_segment {
	const uint8_t *bytes; // in the file's, as many as there are
	uint64_t address, size_bytes;
	uint32_t flags; // PF_*
};

// Points into the file's data, which libelf keeps.
struct elf_image {
	struct elf_segment segments[ELF_IMAGE_MAX_SEGMENTS]; // that are loaded
	size_t num_segments;
	struct elf_segment dynamic; // 0 bytes: none
};

// False if it is not a 64-bit little-endian ELF file with something to load.
bool elf_image_init(struct elf_image *image, Elf *elf);

// The bytes at an address, and how many follow up to the end of the segment; NULL: none.
const uint8_t *elf_image_find(const struct elf_image *image, uint64_t address, uint64_t *num_bytes);

// size_bytes at an address; NULL: not all of them are there.
const uint8_t *elf_image_get(const struct elf_image *image, uint64_t address, uint64_t size_bytes);

// The value of a tag of the dynamic section; 0: it has none.
uint64_t elf_image_get_dynamic(const struct elf_image *image, int64_t tag);

// A table of relocations (DT_RELA or DT_JMPREL) and their number; NULL: none.  They may be unaligned: see below.
const uint8_t *elf_image_get_relocations(const struct elf_image *image, int64_t tag, uint64_t *num);

static inline uint64_t elf_image_read64(const uint8_t *bytes)
{
	uint64_t value;
	memcpy(&value, bytes, sizeof(value));
	return value;
}

static inline uint32_t elf_image_read32(const uint8_t *bytes)
{
	uint32_t value;
	memcpy(&value, bytes, sizeof(value));
	return value;
}

static inline Elf64_Rela elf_image_read_relocation(const uint8_t *relocations, uint64_t number)
{
	Elf64_Rela relocation;
	memcpy(&relocation, relocations + number * sizeof(relocation), sizeof(relocation));
	return relocation;
}

#endif
