// SPDX-License-Identifier: Apache-2.0
// DWARF scopes: the namespaces and classes that functions are declared in.  OUTSIDE.
#include "symbolize/dwarf_scopes.h"

#include <dwarf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/hash.h"

#define MAX_DEPTH 64    // of scopes within one another
#define MAX_ORIGINS 8   // from a call to its declaration
#define NO_SCOPE UINT32_MAX

struct scope {
	const char *name;
	uint32_t outer; // NO_SCOPE: none
};

// A function that is declared in a scope.
struct member {
	const void *entry;
	uint32_t scope;
};

struct dwarf_scopes_unit {
	UT_hash_handle hh;
	const void *root; // the key
	struct scope *scopes;
	struct member *members; // in the order of their entries
	size_t num_scopes, num_members;
};

static const char *get_name(Dwarf_Die *entry)
{
	const char *name = dwarf_diename(entry);
	if (name && *name)
		return name;
	return dwarf_tag(entry) == DW_TAG_namespace ? "(anonymous namespace)" : NULL;
}

static bool is_scope(int tag)
{
	return tag == DW_TAG_namespace || tag == DW_TAG_module || tag == DW_TAG_class_type || tag == DW_TAG_structure_type ||
	       tag == DW_TAG_union_type;
}

static uint32_t add_scope(struct dwarf_scopes_unit *unit, const char *name, uint32_t outer)
{
	unit->scopes = memory_grow(unit->scopes, unit->num_scopes, sizeof(*unit->scopes));
	unit->scopes[unit->num_scopes] = (struct scope){ name, outer };
	return (uint32_t)unit->num_scopes++;
}

static void add_member(struct dwarf_scopes_unit *unit, const void *entry, uint32_t scope)
{
	if (scope == NO_SCOPE || (unit->num_members && entry <= unit->members[unit->num_members - 1].entry))
		return;
	unit->members = memory_grow(unit->members, unit->num_members, sizeof(*unit->members));
	unit->members[unit->num_members++] = (struct member){ entry, scope };
}

// In a sound unit an entry comes before its children and its siblings; *latest sees to it that the walk ends in others.
static void walk(struct dwarf_scopes_unit *unit, Dwarf_Die *parent, uint32_t scope, int depth, const void **latest)
{
	Dwarf_Die entry;
	if (depth == MAX_DEPTH || dwarf_child(parent, &entry) != 0)
		return;
	do {
		if ((const char *)entry.addr <= (const char *)*latest)
			return;
		*latest = entry.addr;
		int tag = dwarf_tag(&entry);
		const char *name = is_scope(tag) ? get_name(&entry) : NULL;
		if (name)
			walk(unit, &entry, add_scope(unit, name, scope), depth + 1, latest);
		else if (tag == DW_TAG_subprogram)
			add_member(unit, entry.addr, scope);
	} while (dwarf_siblingof(&entry, &entry) == 0);
}

static const struct dwarf_scopes_unit *get_unit(struct dwarf_scopes *scopes, Dwarf_Die *function)
{
	Dwarf_Die root;
	struct dwarf_scopes_unit *found;
	const void *latest = NULL;
	if (!dwarf_diecu(function, &root, NULL, NULL))
		return NULL;
	HASH_FIND_PTR(scopes->units, &root.addr, found);
	if (found)
		return found;
	found = memory_get(1, sizeof(*found));
	found->root = root.addr;
	HASH_ADD_PTR(scopes->units, root, found);
	walk(found, &root, NO_SCOPE, 0, &latest);
	return found;
}

// From a call or code to the entry that declares the function.
static void find_declaration(Dwarf_Die *entry)
{
	static const unsigned references[] = { DW_AT_abstract_origin, DW_AT_specification };
	Dwarf_Attribute attribute;
	bool is_found = true;
	for (int i = 0; i < MAX_ORIGINS && is_found; i++) {
		is_found = false;
		for (size_t j = 0; j < 2 && !is_found; j++)
			is_found = dwarf_hasattr(entry, references[j]) &&
				   dwarf_formref_die(dwarf_attr(entry, references[j], &attribute), entry);
	}
}

static int compare(const void *key, const void *element)
{
	const char *entry = key, *other = ((const struct member *)element)->entry;
	return (entry > other) - (entry < other);
}

static void add_names(const struct dwarf_scopes_unit *unit, uint32_t scope, struct text *text)
{
	if (scope == NO_SCOPE)
		return;
	add_names(unit, unit->scopes[scope].outer, text);
	text_add(text, unit->scopes[scope].name);
	text_add(text, "::");
}

void dwarf_scopes_add(struct dwarf_scopes *scopes, Dwarf_Die *function, struct text *text)
{
	Dwarf_Die declaration = *function;
	find_declaration(&declaration);
	const struct dwarf_scopes_unit *unit = get_unit(scopes, &declaration);
	const struct member *member = unit && unit->num_members ?
		bsearch(declaration.addr, unit->members, unit->num_members, sizeof(*member), compare) : NULL;
	if (member)
		add_names(unit, member->scope, text);
}

void dwarf_scopes_deinit(struct dwarf_scopes *scopes)
{
	struct dwarf_scopes_unit *unit, *next;
	HASH_ITER(hh, scopes->units, unit, next) {
		HASH_DEL(scopes->units, unit);
		free(unit->scopes);
		free(unit->members);
		free(unit);
	}
}
