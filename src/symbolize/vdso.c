// SPDX-License-Identifier: Apache-2.0
// vDSO: the kernel's code in every program, as a file.  OUTSIDE.
#include "symbolize/vdso.h"

#include <elf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include <elfutils/libdwelf.h>

#define MAX_BUILD_ID_BYTES 64

// Where the image ends: with its section headers, or with what is loaded of it.
static size_t find_size(const Elf64_Ehdr *header)
{
	const Elf64_Phdr *segments = (const void *)((const char *)header + header->e_phoff);
	size_t size_bytes = header->e_shoff + (size_t)header->e_shnum * header->e_shentsize;
	for (int i = 0; i < header->e_phnum; i++)
		if (segments[i].p_type == PT_LOAD && segments[i].p_offset + segments[i].p_filesz > size_bytes)
			size_bytes = segments[i].p_offset + segments[i].p_filesz;
	return size_bytes;
}

static bool has_build_id(char *image, size_t size_bytes, const char *build_id)
{
	const void *bytes;
	char found[2 * MAX_BUILD_ID_BYTES + 1] = "";
	elf_version(EV_CURRENT);
	Elf *elf = elf_memory(image, size_bytes);
	ssize_t num_bytes = elf ? dwelf_elf_gnu_build_id(elf, &bytes) : 0;
	for (ssize_t i = 0; i < num_bytes && i < MAX_BUILD_ID_BYTES; i++)
		snprintf(found + 2 * i, 3, "%02x", ((const unsigned char *)bytes)[i]);
	elf_end(elf);
	return *found && strcmp(found, build_id) == 0;
}

int vdso_open(const char *build_id)
{
	char *image = (char *)getauxval(AT_SYSINFO_EHDR);
	if (!image || memcmp(image, ELFMAG, SELFMAG) != 0)
		return -1;
	size_t size_bytes = find_size((const Elf64_Ehdr *)image);
	if (!has_build_id(image, size_bytes, build_id))
		return -1;
	int fd = memfd_create("vdso", MFD_CLOEXEC);
	if (fd >= 0 && write(fd, image, size_bytes) != (ssize_t)size_bytes) {
		close(fd);
		return -1;
	}
	return fd;
}
