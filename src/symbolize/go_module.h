// SPDX-License-Identifier: Apache-2.0
/*
 * Go module: where Go's linker put a program's code and the data of its functions.
 *
 * The table of functions (go_table.h) is at ".gopclntab", if that section has kept its name: a C linker may have put
 * it among other data.  What the table's offsets count from is in another record, runtime.firstmoduledata, which no
 * stripped file names.  It begins with the addresses of the table's parts, and is recognised by them.  Facts:
 * src/runtime/symtab.go of Go 1.18 to 1.26.
 *
 * OUTSIDE; any thread.  Nothing in the file is trusted.
 */
#ifndef CAIRN_SYMBOLIZE_GO_MODULE_H
#define CAIRN_SYMBOLIZE_GO_MODULE_H

#include "symbolize/elf_image.h"

// The first four bytes of the table tell its format; each has the name of the version of Go that began it.
#define GO_MAGIC_1_2 0xfffffffbU
#define GO_MAGIC_1_16 0xfffffffaU
#define GO_MAGIC_1_18 0xfffffff0U
#define GO_MAGIC_1_20 0xfffffff1U

struct go_module {
	uint64_t table;            // address
	uint64_t text;             // that the table's code offsets count from; 0: not known
	uint64_t function_data;    // that its data offsets count from ("go.func.*"); 0: not known
};

// The next table of functions at address or beyond it; false if there is none.  Begin with address 0.
bool go_module_find_table(const struct elf_image *image, Elf *elf, uint64_t *address);

// What belongs to the table at module->table, of Go 1.18 or newer.
void go_module_read(struct go_module *module, const struct elf_image *image);

#endif
