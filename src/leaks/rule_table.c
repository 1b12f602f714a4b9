// SPDX-License-Identifier: Apache-2.0
// Table: which patterns of some rules each function and each binary of a store matches.  OUTSIDE.
#include "leaks/rule_table.h"

#include <stdlib.h>

#include "base/memory.h"

#define NUM_WORDS 4
#define MAX_PATTERNS (NUM_WORDS * 64)

struct bits { // one for each pattern
	uint64_t words[NUM_WORDS];
};

struct known_bits {
	struct bits bits;
	bool is_known; // else they have not been asked for yet
};

struct row { // a rule
	struct bits needed; // patterns that some frame must match
	uint16_t patterns[RULE_MAX_PATTERNS]; // numbers of rule->patterns in the table
};

struct rule_table {
	const struct rule *rules;
	const struct places *places;
	size_t num_rules, num_patterns;
	struct row *rows;
	const struct rule_pattern *patterns[MAX_PATTERNS]; // each once
	struct known_bits *functions, *binaries;           // by number; 0: not known
};

static void set_bit(struct bits *bits, size_t number)
{
	bits->words[number / 64] |= UINT64_C(1) << number % 64;
}

static bool has_bit(const struct bits *bits, size_t number)
{
	return bits->words[number / 64] >> number % 64 & 1;
}

static void add_bits(struct bits *bits, const struct bits *more)
{
	for (size_t i = 0; i < NUM_WORDS; i++)
		bits->words[i] |= more->words[i];
}

static bool has_bits(const struct bits *bits, const struct bits *needed)
{
	uint64_t missing = 0;
	for (size_t i = 0; i < NUM_WORDS; i++)
		missing |= needed->words[i] & ~bits->words[i];
	return !missing;
}

static size_t add_pattern(struct rule_table *table, const struct rule_pattern *pattern)
{
	for (size_t i = 0; i < table->num_patterns; i++)
		if (rule_pattern_is_equal(table->patterns[i], pattern))
			return i;
	table->patterns[table->num_patterns] = pattern;
	return table->num_patterns++;
}

// The first line of a block that is a frame, or the number of its lines.
static size_t find_first(const struct rule *rule)
{
	size_t first = 0;
	while (first < rule->num_patterns && rule->patterns[first].type == RULE_ANY_FRAMES)
		first++;
	return first;
}

static void add_rule(struct rule_table *table, const struct rule *rule)
{
	struct row *row = &table->rows[table->num_rules++];
	size_t first = find_first(rule);
	for (size_t i = 0; i < rule->num_patterns; i++) {
		const struct rule_pattern *pattern = &rule->patterns[i];
		size_t number = add_pattern(table, pattern);
		row->patterns[i] = (uint16_t)number;
		if (pattern->type != RULE_ANY_FRAMES && !(i == first && pattern->is_allocation))
			set_bit(&row->needed, number);
	}
}

struct rule_table *rule_table_create(const struct rule *rules, size_t num_rules, const struct places *places)
{
	struct rule_table *table = memory_get(1, sizeof(*table));
	table->rules = rules;
	table->places = places;
	table->rows = memory_get(num_rules, sizeof(*table->rows));
	while (table->num_rules < num_rules && table->num_patterns + rules[table->num_rules].num_patterns <= MAX_PATTERNS)
		add_rule(table, &rules[table->num_rules]);
	table->functions = memory_get((size_t)places->num_functions + 1, sizeof(*table->functions));
	table->binaries = memory_get((size_t)places->num_mappings + 1, sizeof(*table->binaries));
	return table;
}

void rule_table_destroy(struct rule_table *table)
{
	if (!table)
		return;
	free(table->functions);
	free(table->binaries);
	free(table->rows);
	free(table);
}

size_t rule_table_get_num_rules(const struct rule_table *table)
{
	return table->num_rules;
}

static const struct bits *get_function_bits(struct rule_table *table, uint32_t number)
{
	struct known_bits *known = &table->functions[number];
	if (known->is_known)
		return &known->bits;
	struct profile_function function = { .name = "", .system_name = "", .filename = "" };
	if (number)
		function = places_get_function(table->places, number);
	for (size_t i = 0; i < table->num_patterns; i++)
		if (rule_pattern_matches_function(table->patterns[i], &function))
			set_bit(&known->bits, i);
	known->is_known = true;
	return &known->bits;
}

static const struct bits *get_binary_bits(struct rule_table *table, uint32_t number)
{
	struct known_bits *known = &table->binaries[number];
	if (known->is_known)
		return &known->bits;
	const char *path = number ? places_get_mapping(table->places, number).path : "";
	for (size_t i = 0; i < table->num_patterns; i++)
		if (rule_pattern_matches_binary(table->patterns[i], path))
			set_bit(&known->bits, i);
	known->is_known = true;
	return &known->bits;
}

// All patterns that some of the frames match.
static struct bits get_stack_bits(struct rule_table *table, const struct rule_stack *stack, size_t begin, size_t end)
{
	struct bits bits = { { 0 } };
	for (size_t i = begin; i < end; i++) {
		add_bits(&bits, get_function_bits(table, stack->frames[i].function));
		add_bits(&bits, get_binary_bits(table, stack->frames[i].binary));
	}
	return bits;
}

static bool matches_frame(struct rule_table *table, size_t number, const struct rule_frame *frame)
{
	const struct rule_pattern *pattern = table->patterns[number];
	if (pattern->line && pattern->line != frame->line)
		return false;
	return has_bit(get_function_bits(table, frame->function), number) || has_bit(get_binary_bits(table, frame->binary), number);
}

// Do the lines of a block from one on match the frames from one on?  Where the frames end within what follows "...", they
// would also if that began further on.
static bool matches_from(struct rule_table *table, size_t rule, size_t line, const struct rule_stack *stack, size_t frame)
{
	const struct rule *block = &table->rules[rule];
	const uint16_t *numbers = table->rows[rule].patterns;
	size_t after_any = 0, tried = 0; // 0: there was no "..." yet
	while (line < block->num_patterns) {
		if (block->patterns[line].type == RULE_ANY_FRAMES) {
			after_any = ++line;
			tried = frame;
			continue;
		}
		if (frame == stack->num_frames)
			return false;
		if (matches_frame(table, numbers[line], &stack->frames[frame])) {
			line++;
			frame++;
			continue;
		}
		if (!after_any)
			return false;
		line = after_any;
		frame = ++tried;
	}
	return true;
}

// Where an operator is on the stack the function that allocated is not one of C's; which operator it is does not matter,
// since new[] ends with a jump to new, and only that is on the stack.
static bool matches_block(struct rule_table *table, size_t rule, const struct rule_stack *stack)
{
	size_t num_allocators = stack->num_allocators, first = find_first(&table->rules[rule]);
	const struct rule_pattern *pattern = &table->rules[rule].patterns[first];
	return ((num_allocators ? pattern->is_operator : pattern->is_allocation) &&
		matches_from(table, rule, first + 1, stack, num_allocators)) ||
	       matches_from(table, rule, 0, stack, num_allocators) ||
	       (num_allocators > 0 && matches_from(table, rule, 0, stack, 0)) ||
	       (num_allocators > 1 && matches_from(table, rule, 0, stack, num_allocators - 1));
}

size_t rule_table_find(struct rule_table *table, const struct rule_stack *stack, enum leak_kind kind)
{
	struct bits callers = get_stack_bits(table, stack, stack->num_allocators, stack->num_frames);
	struct bits all = get_stack_bits(table, stack, 0, stack->num_allocators);
	add_bits(&all, &callers);
	for (size_t i = 0; i < table->num_rules; i++) {
		const struct rule *rule = &table->rules[i];
		const struct row *row = &table->rows[i];
		if (!rule->has_kind[kind] || !has_bits(rule->is_block ? &all : &callers, &row->needed))
			continue;
		if (!rule->is_block || matches_block(table, i, stack))
			return i;
	}
	return table->num_rules;
}
