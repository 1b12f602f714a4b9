// SPDX-License-Identifier: Apache-2.0
/*
 * Table: which patterns of some rules each function and each binary of a store matches, so that each pair is compared
 * once and not for each stack.
 *
 * Stacks begin at the caller of the function that allocated, save that C++'s operators are there if they call malloc();
 * valgrind's blocks begin with that function.  So a block's first line that names such a function (fun:malloc,
 * fun:_Zn*m) stands for the frame that is not there, or for the outermost operator that is; besides a block may begin with
 * the caller.  A block with nothing but fun:malloc therefore hides all that valgrind would have it hide.
 *
 * LeakSanitizer's patterns are compared with the frames from that caller on, so "leak:malloc" hides only what functions, files
 * and binaries with malloc in their names have called for, and "leak:libstdc++" not all that operator new returned.
 *
 * OUTSIDE; one thread.
 */
#ifndef CAIRN_LEAKS_RULE_TABLE_H
#define CAIRN_LEAKS_RULE_TABLE_H

#include <stddef.h>

#include "leaks/kind.h"
#include "leaks/rule.h"
#include "leaks/rule_stack.h"
#include "profile/places.h"

struct rule_table;

// Of as many of the rules as have room, from the first on, at least one.  Rules and places must outlive it.
struct rule_table *rule_table_create(const struct rule *rules, size_t num_rules, const struct places *places);
void rule_table_destroy(struct rule_table *table); // NULL: nothing to do
size_t rule_table_get_num_rules(const struct rule_table *table);

// The first rule that hides a stack of a kind: its number; rule_table_get_num_rules(): none does.
size_t rule_table_find(struct rule_table *table, const struct rule_stack *stack, enum leak_kind kind);

#endif
