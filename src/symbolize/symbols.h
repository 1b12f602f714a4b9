// SPDX-License-Identifier: Apache-2.0
/*
 * Symbols: the functions of one ELF file, from .symtab, .dynsym, .gnu_debugdata or a separate file of debug
 * information that lies on this machine (by build id or debug link).  The network is never asked.
 *
 * OUTSIDE; one thread for each.  The file is believed in what it calls its functions and in nothing else.
 */
#ifndef CAIRN_SYMBOLIZE_SYMBOLS_H
#define CAIRN_SYMBOLIZE_SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>

struct symbols;

// Open the file at path if it has this build id (hexadecimal; "": none).  root ("" or "/proc/PID/root") is
// where files of debug information are looked for first.  NULL, and why in *problem (a constant), if it is
// missing, another one, or not an ELF file for x86-64.
struct symbols *symbols_open(const char *path, const char *build_id, const char *root, const char **problem);
void symbols_close(struct symbols *symbols); // NULL: nothing to do

// The symbol of the function that the code at an offset in the file belongs to; NULL: none known.  Lives until
// symbols_close().
const char *symbols_find(const struct symbols *symbols, uint64_t file_offset);

#endif
