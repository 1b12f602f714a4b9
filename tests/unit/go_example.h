// SPDX-License-Identifier: Apache-2.0
/*
 * A Go table of each format, made by hand.  Its code:
 *
 *   +0x00  main.outer (a.go, line 10, begins at line 9)
 *   +0x10    main.middle (line 20, begins at line 19), inlined at +0x08
 *   +0x18      main.inner (line 30, begins at line 29), inlined at +0x10
 *   +0x20  main.outer (line 11)
 *   +0x40  main.last (b.go, line 40)
 *   +0x80  nothing
 */
#ifndef CAIRN_TESTS_GO_EXAMPLE_H
#define CAIRN_TESTS_GO_EXAMPLE_H

#include <stdbool.h>

#include "symbolize/go_module.h"
#include "unit/elf_example.h"

enum { GO_TABLE = 0x200, GO_RECORD = 0x800, GO_DATA = 0xc00, GO_CODE = 0x1000 };

struct go_offsets {
	size_t names, outer, middle, inner, last;
	size_t files, a, b, units;
	size_t steps, outer_files, outer_lines, outer_inlined, last_files, last_lines;
	size_t functions;
};

// A table of code: pairs of a value and the number of bytes that have it.
static inline size_t put_steps(struct elf_example *example, const int (*steps)[2], size_t num)
{
	size_t at = example->at;
	int before = -1;
	for (size_t i = 0; i < num; i++) {
		int change = steps[i][0] - before;
		put(example, change < 0 ? (uint64_t)~change << 1 | 1 : (uint64_t)change << 1, 1);
		put(example, (uint64_t)steps[i][1], 1);
		before = steps[i][0];
	}
	put(example, 0, 1);
	return at;
}

#define PUT_STEPS(example, ...) \
	put_steps(example, (const int[][2]){ __VA_ARGS__ }, sizeof((const int[][2]){ __VA_ARGS__ }) / sizeof(int[2]))

static inline void put_strings(struct elf_example *example, struct go_offsets *offsets)
{
	offsets->names = example->at;
	example->at++; // number 0 is no name
	offsets->outer = put_string(example, "main.outer");
	offsets->middle = put_string(example, "main.middle");
	offsets->inner = put_string(example, "main.inner");
	offsets->last = put_string(example, "main.last");
	offsets->files = example->at;
	offsets->a = put_string(example, "/src/a.go");
	offsets->b = put_string(example, "/src/b.go");
	offsets->steps = example->at++;
	offsets->outer_files = PUT_STEPS(example, { 1, 0x40 });
	offsets->outer_lines = PUT_STEPS(example, { 10, 0x10 }, { 20, 8 }, { 30, 8 }, { 11, 0x20 });
	offsets->outer_inlined = PUT_STEPS(example, { -1, 0x10 }, { 0, 8 }, { 1, 8 }, { -1, 0x20 });
	offsets->last_files = PUT_STEPS(example, { 2, 0x30 });
	offsets->last_lines = PUT_STEPS(example, { 40, 0x30 });
}

// Offsets of strings count from the table's start in the first format.
static inline void put_record(struct elf_example *example, uint32_t magic, const struct go_offsets *o, bool is_outer)
{
	bool is_1_2 = magic == GO_MAGIC_1_2, is_1_16 = magic == GO_MAGIC_1_16;
	size_t names = is_1_2 ? GO_TABLE : o->names, steps = is_1_2 ? GO_TABLE : o->steps;
	uint64_t start = is_outer ? 0 : 0x40;
	put(example, is_1_2 || is_1_16 ? EXAMPLE_BASE + GO_CODE + start : start, is_1_2 || is_1_16 ? 8 : 4);
	put(example, (is_outer ? o->outer : o->last) - names, 4);
	example->at += 12; // size of arguments, deferreturn, pcsp
	put(example, (is_outer ? o->outer_files : o->last_files) - steps, 4);
	put(example, (is_outer ? o->outer_lines : o->last_lines) - steps, 4);
	put(example, 3, 4); // tables of code
	if (!is_1_2)
		put(example, 0, 4); // unit
	if (magic == GO_MAGIC_1_20)
		put(example, is_outer ? 9 : 39, 4);
	put(example, 4U << 24, 4); // data
	put(example, 0, 8);
	put(example, is_outer ? o->outer_inlined - steps : 0, 4);
	for (int i = 0; i < 3; i++)
		put(example, UINT32_MAX, 4);
	put(example, is_outer ? 0 : UINT32_MAX, 4);
}

static inline void put_functions(struct elf_example *example, uint32_t magic, struct go_offsets *o)
{
	bool is_old = magic == GO_MAGIC_1_2 || magic == GO_MAGIC_1_16;
	size_t field_bytes = is_old ? 8 : 4, records[2], base = magic == GO_MAGIC_1_2 ? GO_TABLE : 0;
	o->functions = magic == GO_MAGIC_1_2 ? GO_TABLE + 16 : (example->at + 7) / 8 * 8;
	if (!base)
		base = o->functions;
	size_t first = magic == GO_MAGIC_1_2 ? (example->at + 7) / 8 * 8 : o->functions + 5 * field_bytes + 4;
	example->at = records[0] = (first + 7) / 8 * 8;
	put_record(example, magic, o, true);
	example->at = records[1] = (example->at + 7) / 8 * 8;
	put_record(example, magic, o, false);
	o->units = example->at;
	put(example, UINT32_MAX, 4);
	put(example, o->a - (magic == GO_MAGIC_1_2 ? GO_TABLE : o->files), 4);
	put(example, o->b - (magic == GO_MAGIC_1_2 ? GO_TABLE : o->files), 4);
	example->at = o->functions;
	for (uint64_t i = 0; i < 3; i++) {
		put(example, (is_old ? EXAMPLE_BASE + GO_CODE : 0) + 0x40 * i, field_bytes);
		put(example, i < 2 ? records[i] - base : o->units - GO_TABLE, i < 2 ? field_bytes : 4);
	}
}

static inline void put_table_header(struct elf_example *example, uint32_t magic, const struct go_offsets *o)
{
	const size_t parts[] = { o->names, o->units, o->files, o->steps, o->functions };
	example->at = GO_TABLE;
	put(example, magic, 4);
	put(example, 0x08010000, 4);
	put(example, 2, 8);
	if (magic == GO_MAGIC_1_2)
		return;
	put(example, 3, 8);
	if (magic != GO_MAGIC_1_16)
		put(example, EXAMPLE_BASE + GO_CODE, 8);
	for (int i = 0; i < 5; i++)
		put(example, parts[i] - GO_TABLE, 8);
}

static inline void put_inlined(struct elf_example *example, uint32_t magic, const struct go_offsets *o)
{
	example->at = GO_DATA;
	for (uint64_t i = 0; i < 2; i++) {
		uint64_t name = (i ? o->inner : o->middle) - o->names, code = i ? 0x10 : 0x08;
		put(example, 0, 4);
		if (magic == GO_MAGIC_1_18)
			put(example, 0, 8);
		put(example, name, 4);
		put(example, code, 4);
		if (magic == GO_MAGIC_1_20)
			put(example, i ? 29 : 19, 4);
	}
}

static inline void put_module(struct elf_example *example, uint32_t magic, const struct go_offsets *o)
{
	uint64_t words[41] = { EXAMPLE_BASE + GO_TABLE, EXAMPLE_BASE + o->names };
	words[4] = EXAMPLE_BASE + o->units;
	words[22] = EXAMPLE_BASE + GO_CODE;
	words[magic == GO_MAGIC_1_18 ? 38 : 40] = EXAMPLE_BASE + GO_DATA;
	memcpy(example->bytes + GO_RECORD, words, sizeof(words));
}

static inline void make_go_example(struct elf_example *example, uint32_t magic)
{
	struct go_offsets offsets;
	memset(example, 0, sizeof(*example));
	put_headers(example);
	example->at = GO_TABLE + 0x80;
	put_strings(example, &offsets);
	put_functions(example, magic, &offsets);
	put_table_header(example, magic, &offsets);
	if (magic == GO_MAGIC_1_18 || magic == GO_MAGIC_1_20) {
		put_inlined(example, magic, &offsets);
		put_module(example, magic, &offsets);
	}
}

#endif
