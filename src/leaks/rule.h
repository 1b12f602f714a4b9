// SPDX-License-Identifier: Apache-2.0
/*
 * Rule: one line or block of a file of rules, read.
 *
 * OUTSIDE.
 */
#ifndef CAIRN_LEAKS_RULE_H
#define CAIRN_LEAKS_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "leaks/kind.h"
#include "leaks/rule_pattern.h"

#define RULE_MAX_PATTERNS 24 // of a block, as in valgrind

struct rule {
	char *name;
	unsigned line; // of the file, where it begins
	bool is_block; // else one pattern that any frame may match
	bool has_kind[LEAK_NUM_KINDS]; // that it hides
	struct rule_pattern *patterns; // of a block: from the leaf on
	size_t num_patterns;
};

struct rule_list {
	struct rule *rules; // grown with memory_grow()
	size_t num_rules;
};

#endif
