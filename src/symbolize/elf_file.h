// SPDX-License-Identifier: Apache-2.0
/*
 * ELF file: a file of machine code or of what is known about it, opened with care.
 *
 * OUTSIDE.  The file is somebody else's: it is looked at before it is opened, since opening a pipe or a device could
 * wait or have effects, and nothing in it is believed that libelf has not checked.
 */
#ifndef CAIRN_SYMBOLIZE_ELF_FILE_H
#define CAIRN_SYMBOLIZE_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libelf.h>

#include "base/error.h"

#define ELF_FILE_BUILD_ID_BYTES 129 // in hexadecimal, terminated; longer ones are cut

struct elf_file {
	int fd;
	Elf *elf;   // NULL: not open
	char *path; // as it was opened
};

// Open a regular file that is ELF for x86-64.  False: error says why, without the path.
bool elf_file_open(struct elf_file *file, const char *path, struct error *error);
// The same of an open file, which belongs to it from then on, or is closed.
bool elf_file_open_descriptor(struct elf_file *file, int fd, const char *path, struct error *error);
void elf_file_close(struct elf_file *file); // one that is not open: nothing to do

// A linked program or library: what can be mapped to be run.
bool elf_file_is_linked(const struct elf_file *file);

// Its build id in hexadecimal; "" if it has none.
void elf_file_read_build_id(const struct elf_file *file, char build_id[ELF_FILE_BUILD_ID_BYTES]);
bool elf_file_has_build_id(const struct elf_file *file, const char *build_id);

// The section with this name; NULL: none.
Elf_Scn *elf_file_find_section(const struct elf_file *file, const char *name);
// Is there one that has not been emptied?
bool elf_file_has_contents(const struct elf_file *file, const char *name);

// Can the addresses of code be told at all?
bool elf_file_tells_addresses(const struct elf_file *file);

// The address in the file's own terms of what lies at an offset in it, or lay before everything but debug
// information was taken out.  False if that is not loaded as code, or it cannot be told.
bool elf_file_find_address(const struct elf_file *file, uint64_t file_offset, uint64_t *address);

#endif
