// SPDX-License-Identifier: Apache-2.0
/*
 * Own file: the symbol table of an ELF file, read in pieces with nothing but system calls.
 *
 * BOTH worlds; one thread; no malloc.  The file is not trusted, and may change while it is read.
 */
#ifndef CAIRN_PROFILE_OWN_FILE_H
#define CAIRN_PROFILE_OWN_FILE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OWN_FILE_PIECE_BYTES (64 * 1024)

struct own_file {
	int fd;
	unsigned char *piece; // the caller's, OWN_FILE_PIECE_BYTES
	Elf64_Ehdr header;
	uint64_t symbols_offset, num_symbols;    // .symtab, else .dynsym
	uint64_t strings_offset, strings_bytes;  // their names
};

// Open the file at path if it has this build id (hexadecimal) and symbols.  If true, own_file_close() is due.
bool own_file_open(struct own_file *file, const char *path, const char *build_id, unsigned char *piece);
void own_file_close(struct own_file *file);

// What to add to an offset in the file to get the address that the file gives to the code there, for code that is in
// num_bytes at offset.  False if none is.
bool own_file_find_code(struct own_file *file, uint64_t offset, uint64_t num_bytes, uint64_t *to_address);

// Symbols from number first on, as many as are in a piece, which they are left in; how many.  0: at the end, or
// the file cannot be read.
size_t own_file_read_symbols(struct own_file *file, uint64_t first, const Elf64_Sym **symbols);

// A name of num_bytes with the NUL or more, at an offset of st_name; cut at num_bytes - 1.  False if it cannot be read.
bool own_file_read_name(struct own_file *file, uint32_t offset, char *name, size_t num_bytes);

#endif
