// SPDX-License-Identifier: Apache-2.0
// DWARF lookup: reads debug information with libdw.  OUTSIDE.
#include "symbolize/dwarf_lookup.h"

#include <dwarf.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <elfutils/libdw.h>

#include "base/memory.h"
#include "base/text.h"
#include "profile/strings.h"
#include "symbolize/dwarf_calls.h"
#include "symbolize/dwarf_part.h"
#include "symbolize/dwarf_query.h"
#include "symbolize/dwarf_scopes.h"

#define MAX_NAME_BYTES 8192

struct lookup {
	const struct dwarf_question *question;
	struct dwarf_answers *answers;
	Dwarf *dwarf, *shared;
	struct dwarf_part nothing; // shared, where that is not found
	struct dwarf_query *queries;
	size_t unit; // that is being entered
	struct strings strings;
};

// What is needed of a unit while its queries are answered.
struct reading {
	struct lookup *lookup;
	Dwarf_Lines *rows; // by address
	size_t num_rows;
	Dwarf_Files *files;
	size_t num_files;
	const char *directory; // NULL: not known
	struct dwarf_calls calls;
	struct dwarf_scopes scopes;
};

// Give each query the first unit that has code there.
static void visit_code(void *context, uint64_t low, uint64_t limit)
{
	struct lookup *lookup = context;
	size_t num_queries = lookup->question->num_addresses;
	size_t i = dwarf_query_find(lookup->queries, num_queries, low);
	for (; i < num_queries && lookup->queries[i].address < limit; i++)
		if (lookup->queries[i].unit == DWARF_NO_UNIT)
			lookup->queries[i].unit = lookup->unit;
}

// The units' root entries.  .debug_aranges would tell their code at once, but not all compilers write it.
static Dwarf_Die *find_units(struct lookup *lookup)
{
	Dwarf_Die *units = NULL, root;
	Dwarf_CU *unit = NULL;
	while (dwarf_get_units(lookup->dwarf, unit, &unit, NULL, NULL, &root, NULL) == 0) {
		if ((lookup->unit & (lookup->unit - 1)) == 0)
			units = memory_resize(units, 2 * lookup->unit + 1, sizeof(*units));
		units[lookup->unit] = root;
		dwarf_calls_visit_code(&root, NULL, visit_code, lookup);
		lookup->unit++;
	}
	return units;
}

static const char *get_path(struct reading *reading, const char *name)
{
	char storage[2 * PATH_MAX];
	struct text path = TEXT_ON(storage);
	storage[0] = 0;
	if (name && *name != '/' && reading->directory) {
		text_add(&path, reading->directory);
		text_add(&path, "/");
	}
	text_add(&path, name ? name : "");
	return strings_get(&reading->lookup->strings, storage);
}

static int64_t limit_number(uint64_t number)
{
	return number <= INT32_MAX ? (int64_t)number : 0;
}

static uint64_t get_number(Dwarf_Die *entry, unsigned name)
{
	Dwarf_Attribute attribute;
	Dwarf_Word number = 0;
	return dwarf_formudata(dwarf_attr_integrate(entry, name, &attribute), &number) == 0 ? number : 0;
}

static const char *get_string(Dwarf_Die *entry, unsigned name)
{
	Dwarf_Attribute attribute;
	return dwarf_formstring(dwarf_attr_integrate(entry, name, &attribute));
}

static const char *get_function(struct reading *reading, Dwarf_Die *entry)
{
	static const unsigned linkage_names[] = { DW_AT_linkage_name, DW_AT_MIPS_linkage_name };
	char storage[MAX_NAME_BYTES];
	struct text full = TEXT_ON(storage);
	for (size_t i = 0; i < sizeof(linkage_names) / sizeof(*linkage_names); i++) {
		const char *name = get_string(entry, linkage_names[i]);
		if (name && *name)
			return name;
	}
	const char *name = get_string(entry, DW_AT_name);
	if (!name || !*name)
		return "";
	dwarf_scopes_add(&reading->scopes, entry, &full);
	text_add(&full, name);
	return full.is_cut ? name : strings_get(&reading->lookup->strings, storage);
}

// The place of the code at an address: the last row that is not behind it.
static bool find_row(struct reading *reading, uint64_t address, struct line *line)
{
	size_t low = 0, high = reading->num_rows;
	Dwarf_Addr start;
	bool is_end = true;
	int number = 0, column = 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (dwarf_lineaddr(dwarf_onesrcline(reading->rows, middle), &start) == 0 && start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	Dwarf_Line *row = low ? dwarf_onesrcline(reading->rows, low - 1) : NULL;
	if (!row || dwarf_lineendsequence(row, &is_end) != 0 || is_end)
		return false;
	dwarf_lineno(row, &number);
	dwarf_linecol(row, &column);
	*line = (struct line){ .file = get_path(reading, dwarf_linesrc(row, NULL, NULL)), .line = number > 0 ? number : 0,
			       .column = column > 0 ? column : 0 };
	return true;
}

// Where an inlined call is.
static struct line get_call_place(struct reading *reading, Dwarf_Die *call)
{
	uint64_t file = get_number(call, DW_AT_call_file);
	const char *name = file < reading->num_files ? dwarf_filesrc(reading->files, file, NULL, NULL) : NULL;
	return (struct line){ .file = get_path(reading, name), .line = limit_number(get_number(call, DW_AT_call_line)),
			      .column = limit_number(get_number(call, DW_AT_call_column)) };
}

// The functions of a query from the innermost, each at the place where it calls the one before.
static void answer(struct reading *reading, const struct dwarf_query *query)
{
	struct line lines[LINE_MAX_CALLS], next = { .file = "" };
	uint32_t call = query->call;
	size_t num_lines = 0;
	if (!find_row(reading, query->address, &next) && call == DWARF_NO_CALL)
		return;
	do {
		struct dwarf_call *found = call == DWARF_NO_CALL ? NULL : &reading->calls.calls[call];
		next.function = found ? get_function(reading, &found->entry) : "";
		next.start_line = found ? limit_number(get_number(&found->entry, DW_AT_decl_line)) : 0;
		lines[num_lines++] = next;
		call = found ? found->outer : DWARF_NO_CALL;
		if (call != DWARF_NO_CALL)
			next = get_call_place(reading, &found->entry);
	} while (call != DWARF_NO_CALL && num_lines < LINE_MAX_CALLS);
	dwarf_answers_write(reading->lookup->answers, query->number, lines, num_lines);
}

// Answer the queries of one unit.
static void read_unit(struct lookup *lookup, Dwarf_Die *unit, struct dwarf_query *queries, size_t num_queries)
{
	struct reading reading = { .lookup = lookup };
	struct dwarf_part part;
	Dwarf_Attribute directory;
	reading.directory = dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &directory));
	if (dwarf_getsrclines(unit, &reading.rows, &reading.num_rows) != 0)
		reading.num_rows = 0;
	if (dwarf_getsrcfiles(unit, &reading.files, &reading.num_files) != 0)
		reading.num_files = 0;
	bool has_part = dwarf_part_open(&part, lookup->question->debug, unit, lookup->question->package, lookup->question->search);
	dwarf_calls_find(&reading.calls, has_part ? &part.root : unit, has_part ? &part : NULL, queries, num_queries);
	for (size_t i = 0; i < num_queries; i++)
		answer(&reading, &queries[i]);
	dwarf_calls_deinit(&reading.calls);
	dwarf_scopes_deinit(&reading.scopes);
	if (has_part)
		dwarf_part_close(&part);
}

static int compare(const void *a, const void *b)
{
	const struct dwarf_query *x = a, *y = b;
	if (x->unit != y->unit)
		return x->unit < y->unit ? -1 : 1;
	return (x->address > y->address) - (x->address < y->address);
}

static void read_units(struct lookup *lookup)
{
	struct dwarf_query *queries = lookup->queries;
	size_t num_queries = lookup->question->num_addresses;
	Dwarf_Die *units = find_units(lookup);
	qsort(queries, num_queries, sizeof(*queries), compare);
	for (size_t i = 0, end; i < num_queries && queries[i].unit != DWARF_NO_UNIT; i = end) {
		for (end = i + 1; end < num_queries && queries[end].unit == queries[i].unit; end++)
			;
		read_unit(lookup, &units[queries[i].unit], &queries[i], end - i);
	}
	free(units);
}

static void open_shared(struct lookup *lookup)
{
	const struct dwarf_question *question = lookup->question;
	lookup->shared = question->shared->elf ? dwarf_begin_elf(question->shared->elf, DWARF_C_READ, NULL) : NULL;
	if (lookup->shared)
		dwarf_setalt(lookup->dwarf, lookup->shared);
	else if (dwarf_part_open_empty(&lookup->nothing, question->debug))
		dwarf_setalt(lookup->dwarf, lookup->nothing.dwarf);
}

void dwarf_lookup(const struct dwarf_question *question, struct dwarf_answers *answers)
{
	struct lookup lookup = { .question = question, .answers = answers };
	lookup.dwarf = dwarf_begin_elf(question->debug->elf, DWARF_C_READ, NULL);
	if (!lookup.dwarf)
		return;
	open_shared(&lookup);
	strings_init(&lookup.strings);
	lookup.queries = memory_get(question->num_addresses, sizeof(*lookup.queries));
	for (size_t i = 0; i < question->num_addresses; i++)
		lookup.queries[i] = (struct dwarf_query){ question->addresses[i], i, DWARF_NO_UNIT, DWARF_NO_CALL };
	read_units(&lookup);
	free(lookup.queries);
	strings_deinit(&lookup.strings);
	dwarf_end(lookup.dwarf);
	dwarf_end(lookup.shared);
	dwarf_part_close(&lookup.nothing);
}
