// SPDX-License-Identifier: Apache-2.0
// ELF image: what of an ELF file is loaded.  OUTSIDE.
#include "symbolize/elf_image.h"

#include <gelf.h>
#include <limits.h>

bool elf_image_init(struct elf_image *image, Elf *elf)
{
	size_t size_bytes, num_headers;
	GElf_Ehdr ehdr;
	const uint8_t *bytes = (const uint8_t *)elf_rawfile(elf, &size_bytes);
	image->num_segments = 0;
	image->dynamic = (struct elf_segment){ .size_bytes = 0 };
	if (!bytes || !gelf_getehdr(elf, &ehdr) || ehdr.e_ident[EI_CLASS] != ELFCLASS64 ||
	    ehdr.e_ident[EI_DATA] != ELFDATA2LSB || elf_getphdrnum(elf, &num_headers) != 0)
		return false;
	for (size_t i = 0; i < num_headers && i < INT_MAX && image->num_segments < ELF_IMAGE_MAX_SEGMENTS; i++) {
		GElf_Phdr header;
		if (!gelf_getphdr(elf, (int)i, &header) || header.p_offset >= size_bytes ||
		    (header.p_type != PT_LOAD && header.p_type != PT_DYNAMIC))
			continue;
		struct elf_segment segment = { .bytes = bytes + header.p_offset, .address = header.p_vaddr,
					       .size_bytes = header.p_filesz, .flags = header.p_flags };
		if (segment.size_bytes > size_bytes - header.p_offset)
			segment.size_bytes = size_bytes - header.p_offset;
		if (header.p_type == PT_LOAD)
			image->segments[image->num_segments++] = segment;
		else
			image->dynamic = segment;
	}
	return image->num_segments > 0;
}

const uint8_t *elf_image_find(const struct elf_image *image, uint64_t address, uint64_t *num_bytes)
{
	for (size_t i = 0; i < image->num_segments; i++) {
		const struct elf_segment *segment = &image->segments[i];
		uint64_t offset = address - segment->address;
		if (offset >= segment->size_bytes)
			continue;
		*num_bytes = segment->size_bytes - offset;
		return segment->bytes + offset;
	}
	return NULL;
}

const uint8_t *elf_image_get(const struct elf_image *image, uint64_t address, uint64_t size_bytes)
{
	uint64_t num_bytes;
	const uint8_t *bytes = elf_image_find(image, address, &num_bytes);
	return bytes && num_bytes >= size_bytes ? bytes : NULL;
}

uint64_t elf_image_get_dynamic(const struct elf_image *image, int64_t tag)
{
	for (uint64_t at = 0; at + sizeof(Elf64_Dyn) <= image->dynamic.size_bytes; at += sizeof(Elf64_Dyn)) {
		Elf64_Dyn entry;
		memcpy(&entry, image->dynamic.bytes + at, sizeof(entry));
		if (entry.d_tag == tag)
			return entry.d_un.d_val;
		if (entry.d_tag == DT_NULL)
			break;
	}
	return 0;
}

const uint8_t *elf_image_get_relocations(const struct elf_image *image, int64_t tag, uint64_t *num)
{
	uint64_t size_bytes = elf_image_get_dynamic(image, tag == DT_JMPREL ? DT_PLTRELSZ : DT_RELASZ);
	uint64_t address = elf_image_get_dynamic(image, tag);
	*num = size_bytes / sizeof(Elf64_Rela);
	return address && *num ? elf_image_get(image, address, size_bytes) : NULL;
}
