// SPDX-License-Identifier: Apache-2.0
/*
 * Go table: functions, files, lines and inlined calls of a Go program, from the table that its own runtime reads
 * (".gopclntab").  It is there in stripped programs too.
 *
 * Formats: those of Go 1.2, 1.16, 1.18 and 1.20, which is still that of Go 1.26 (src/debug/gosym/pclntab.go and
 * src/runtime/symtab.go).  Programs older than 1.18 that are position-independent are not read: their table holds
 * addresses, which only the loader fills in.
 *
 * OUTSIDE; any thread.  Nothing in the file is trusted; strings may hold any bytes.
 */
#ifndef CAIRN_SYMBOLIZE_GO_TABLE_H
#define CAIRN_SYMBOLIZE_GO_TABLE_H

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbolize/line.h"

struct go_table;

// NULL if the file has none, or none that is sound.  It points into the file's data: destroy it before elf_end().
struct go_table *go_table_create(Elf *elf);
void go_table_destroy(struct go_table *table); // NULL: nothing to do

// Can inlined calls be told?  Those of Go 1.18 and newer can, if the file has the record that says where they are.
// Without it a line is right, and its function is the one that all others were inlined into.
bool go_table_has_inlined(const struct go_table *table);

// What is known of an address as the file has them; the number of lines, 0: it is not Go's code.
size_t go_table_find(const struct go_table *table, uint64_t address, struct line lines[LINE_MAX_CALLS]);

#endif
