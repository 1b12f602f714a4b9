// SPDX-License-Identifier: Apache-2.0
// ELF file: opened with care.  OUTSIDE.
#include "symbolize/elf_file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <elfutils/libdwelf.h>

#include "base/memory.h"

#define MAX_HEADERS 1024 // of segments; real files have 15

// A descriptor that only names a file does nothing to it.
static int open_regular(const char *path)
{
	struct stat status;
	char self[40];
	int named = open(path, O_PATH | O_CLOEXEC), fd = -1;
	if (named < 0)
		return -1;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", named);
	errno = EINVAL;
	if (fstat(named, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0) // files of procfs may block
		fd = open(self, O_RDONLY | O_CLOEXEC);
	int problem = errno;
	close(named);
	errno = problem;
	return fd;
}

static bool is_for_this_machine(Elf *elf)
{
	GElf_Ehdr header;
	return elf && elf_kind(elf) == ELF_K_ELF && gelf_getehdr(elf, &header) &&
	       header.e_ident[EI_CLASS] == ELFCLASS64 && header.e_ident[EI_DATA] == ELFDATA2LSB &&
	       header.e_machine == EM_X86_64;
}

bool elf_file_open(struct elf_file *file, const char *path, struct error *error)
{
	int fd = open_regular(path);
	if (fd >= 0)
		return elf_file_open_descriptor(file, fd, path, error);
	*file = (struct elf_file){ .fd = -1 };
	return error_set(error, "%s", errno == ENOENT || errno == ENOTDIR ? "no such file" :
				      errno == EINVAL			  ? "not a regular file" :
									    "cannot be opened");
}

bool elf_file_open_descriptor(struct elf_file *file, int fd, const char *path, struct error *error)
{
	elf_version(EV_CURRENT);
	*file = (struct elf_file){ .fd = fd, .path = memory_copy_string(path) };
	file->elf = elf_begin(file->fd, ELF_C_READ_MMAP, NULL);
	if (is_for_this_machine(file->elf))
		return true;
	close(file->fd);
	free(file->path);
	elf_end(file->elf);
	*file = (struct elf_file){ .fd = -1 };
	return error_set(error, "not an ELF file for x86-64");
}

void elf_file_close(struct elf_file *file)
{
	if (!file->elf)
		return;
	elf_end(file->elf);
	close(file->fd);
	free(file->path);
	*file = (struct elf_file){ .fd = -1 };
}

bool elf_file_is_linked(const struct elf_file *file)
{
	GElf_Ehdr header;
	return gelf_getehdr(file->elf, &header) && (header.e_type == ET_EXEC || header.e_type == ET_DYN);
}

void elf_file_read_build_id(const struct elf_file *file, char build_id[ELF_FILE_BUILD_ID_BYTES])
{
	const void *bytes;
	ssize_t num_bytes = dwelf_elf_gnu_build_id(file->elf, &bytes);
	build_id[0] = 0;
	for (ssize_t i = 0; i < num_bytes && i < ELF_FILE_BUILD_ID_BYTES / 2; i++)
		sprintf(build_id + 2 * i, "%02x", ((const unsigned char *)bytes)[i]);
}

bool elf_file_has_build_id(const struct elf_file *file, const char *build_id)
{
	char found[ELF_FILE_BUILD_ID_BYTES];
	elf_file_read_build_id(file, found);
	return strcmp(found, build_id) == 0;
}

Elf_Scn *elf_file_find_section(const struct elf_file *file, const char *name)
{
	size_t names;
	Elf_Scn *section = NULL;
	if (elf_getshdrstrndx(file->elf, &names) != 0)
		return NULL;
	while ((section = elf_nextscn(file->elf, section)) != NULL) {
		GElf_Shdr header;
		const char *found = gelf_getshdr(section, &header) ? elf_strptr(file->elf, names, header.sh_name) : NULL;
		if (found && strcmp(found, name) == 0)
			return section;
	}
	return NULL;
}

bool elf_file_has_contents(const struct elf_file *file, const char *name)
{
	GElf_Shdr header;
	Elf_Scn *section = elf_file_find_section(file, name);
	return section && gelf_getshdr(section, &header) && header.sh_type != SHT_NOBITS;
}

// A segment that is loaded.
struct segment {
	uint64_t offset, size_bytes, address;
	bool is_code;
};

// A file that holds nothing but debug information has lost the contents of its segments and where they lay, but not
// their sizes.  Linkers put segments one after another, each at the next offset that is congruent to its address, so
// that is enough as long as no segment has memory that is not in the file, which only writable ones do.
static bool find_original_place(struct segment *segment, const GElf_Phdr *header, uint64_t end)
{
	uint64_t mask = header->p_align - 1;
	segment->offset = end + ((header->p_vaddr - end) & mask);
	segment->size_bytes = header->p_memsz;
	return header->p_align && (header->p_align & mask) == 0;
}

// The segment after that which ends at *end in the file; *next counts headers.  False: there is none, or it cannot be
// told where it is.
static bool find_segment(const struct elf_file *file, size_t *next, uint64_t *end, struct segment *segment)
{
	size_t num_headers;
	if (elf_getphdrnum(file->elf, &num_headers) != 0)
		return false;
	while (*next < num_headers && *next < MAX_HEADERS) {
		GElf_Phdr header;
		if (!gelf_getphdr(file->elf, (int)(*next)++, &header) || header.p_type != PT_LOAD)
			continue;
		*segment = (struct segment){ header.p_offset, header.p_filesz, header.p_vaddr, header.p_flags & PF_X };
		bool is_emptied = !(header.p_flags & PF_W) && header.p_filesz < header.p_memsz;
		if (is_emptied && !find_original_place(segment, &header, *end))
			return false;
		*end = segment->offset + segment->size_bytes;
		return true;
	}
	return false;
}

bool elf_file_tells_addresses(const struct elf_file *file)
{
	struct segment segment;
	uint64_t end = 0;
	for (size_t next = 0; find_segment(file, &next, &end, &segment);)
		if (segment.is_code)
			return true;
	return false;
}

bool elf_file_find_address(const struct elf_file *file, uint64_t file_offset, uint64_t *address)
{
	struct segment segment;
	uint64_t end = 0;
	for (size_t next = 0; find_segment(file, &next, &end, &segment);)
		if (segment.is_code && file_offset >= segment.offset && file_offset - segment.offset < segment.size_bytes) {
			*address = segment.address + (file_offset - segment.offset);
			return true;
		}
	return false;
}
