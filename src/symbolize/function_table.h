// SPDX-License-Identifier: Apache-2.0
/*
 * Function table: the functions of a binary by its symbol tables: .symtab of its own or of a separate file of debug
 * information, .dynsym, and what is compressed in .gnu_debugdata.
 *
 * OUTSIDE; one thread.  The files are believed in what they call their functions and in nothing else.
 */
#ifndef CAIRN_SYMBOLIZE_FUNCTION_TABLE_H
#define CAIRN_SYMBOLIZE_FUNCTION_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <elfutils/libdwfl.h>

#include "base/error.h"
#include "symbolize/elf_file.h"

struct function;

struct function_table {
	Dwfl *dwfl;
	const struct elf_file *debug;
	struct function *functions; // by start, one for each
	size_t num_functions;
};

// Read the functions of a binary; debug is its separate file (NULL: none).  Both must outlive the table.  False: the
// binary is damaged, says error; there is nothing to be closed then.
bool function_table_open(struct function_table *table, const struct elf_file *binary, const struct elf_file *debug,
			 struct error *error);
void function_table_close(struct function_table *table); // one that is not open: nothing to do

// The symbol of the function that has code at an address as the file has them; NULL: none known.  Lives as long as the
// table.
const char *function_table_find(const struct function_table *table, uint64_t address);

#endif
