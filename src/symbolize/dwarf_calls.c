// SPDX-License-Identifier: Apache-2.0
// DWARF calls: functions and inlined calls within them.  OUTSIDE.
#include "symbolize/dwarf_calls.h"

#include <dwarf.h>
#include <stdlib.h>

#include "base/memory.h"
#include "symbolize/line.h"

#define MAX_DEPTH 1024 // of entries within one another

// The function or inlined call whose children are being walked.
struct scope {
	const void *entry; // NULL: none, or no query is in it
	int depth;
};

struct walk {
	const struct dwarf_part *part;
	struct dwarf_query *queries;
	size_t num_queries;
	struct dwarf_calls *calls;
	size_t max_calls;
	const struct scope *scope;
	Dwarf_Die *entry;   // that is being looked at
	const void *latest; // entry that was looked at; in a sound unit it comes before all that are still to come
	bool is_inlined, has_queries;
};

void dwarf_calls_visit_code(Dwarf_Die *entry, const struct dwarf_part *part,
			    void (*visit)(void *context, uint64_t low, uint64_t limit), void *context)
{
	Dwarf_Addr base, low, limit;
	for (ptrdiff_t offset = 0; (offset = dwarf_part_next_range(part, entry, offset, &base, &low, &limit)) > 0;)
		if (low && low < limit)
			visit(context, low, limit);
}

static bool is_within_scope(const struct walk *walk, const struct dwarf_query *query)
{
	if (!walk->is_inlined) // of functions with equal code, that were made one, it is the first
		return query->call == DWARF_NO_CALL;
	return query->call != DWARF_NO_CALL && walk->calls->calls[query->call].entry.addr == walk->scope->entry;
}

static void add_call(struct walk *walk, struct dwarf_query *query)
{
	struct dwarf_calls *calls = walk->calls;
	if (calls->num_calls >= walk->max_calls)
		return;
	calls->calls = memory_grow(calls->calls, calls->num_calls, sizeof(*calls->calls));
	calls->calls[calls->num_calls] = (struct dwarf_call){ *walk->entry, query->call };
	query->call = (uint32_t)calls->num_calls++;
	walk->has_queries = true;
}

static void visit_range(void *context, uint64_t low, uint64_t limit)
{
	struct walk *walk = context;
	size_t i = dwarf_query_find(walk->queries, walk->num_queries, low);
	for (; i < walk->num_queries && walk->queries[i].address < limit; i++)
		if (is_within_scope(walk, &walk->queries[i]))
			add_call(walk, &walk->queries[i]);
}

// The scope of the children of an entry.  False: there are no functions or calls among them that matter.
static bool enter(struct walk *walk, Dwarf_Die *entry, const struct scope *scope, struct scope *inner)
{
	int tag = dwarf_tag(entry);
	*inner = (struct scope){ scope->entry, scope->depth + 1 };
	switch (tag) {
	case DW_TAG_inlined_subroutine:
		if (!scope->entry)
			return false;
		break;
	case DW_TAG_subprogram:
		break;
	case DW_TAG_lexical_block:
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
		return true;
	default:
		return false;
	}
	walk->is_inlined = tag == DW_TAG_inlined_subroutine;
	walk->has_queries = false;
	walk->scope = scope;
	walk->entry = entry;
	dwarf_calls_visit_code(entry, walk->part, visit_range, walk);
	inner->entry = walk->has_queries ? entry->addr : NULL;
	return walk->has_queries || !walk->is_inlined; // functions may be local to one that is elsewhere
}

static void walk_children(struct walk *walk, Dwarf_Die *parent, const struct scope *scope)
{
	Dwarf_Die entry;
	struct scope inner;
	if (scope->depth == MAX_DEPTH || dwarf_child(parent, &entry) != 0)
		return;
	do {
		if ((const char *)entry.addr <= (const char *)walk->latest)
			return;
		walk->latest = entry.addr;
		if (enter(walk, &entry, scope, &inner))
			walk_children(walk, &entry, &inner);
	} while (dwarf_siblingof(&entry, &entry) == 0);
}

void dwarf_calls_find(struct dwarf_calls *calls, Dwarf_Die *root, const struct dwarf_part *part, struct dwarf_query *queries,
		      size_t num_queries)
{
	struct walk walk = { .part = part, .queries = queries, .num_queries = num_queries, .calls = calls };
	*calls = (struct dwarf_calls){ 0 };
	walk.max_calls = num_queries * LINE_MAX_CALLS;
	if (walk.max_calls >= DWARF_NO_CALL)
		walk.max_calls = DWARF_NO_CALL - 1;
	walk_children(&walk, root, &(struct scope){ 0 });
}

void dwarf_calls_deinit(struct dwarf_calls *calls)
{
	free(calls->calls);
	*calls = (struct dwarf_calls){ 0 };
}
