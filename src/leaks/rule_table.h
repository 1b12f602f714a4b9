// SPDX-License-Identifier: Apache-2.0
/*
 * Table: which patterns of some rules each function and each binary of a store matches, so that each pair is compared
 * once and not for each stack.
 *
 * What stands for the allocation function that no stack has is told in rules.h.
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
