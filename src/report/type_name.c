// SPDX-License-Identifier: Apache-2.0
// Type name: which of a profile's types people mean.  OUTSIDE.
#include "report/type_name.h"

#include <string.h>

// Words of cairn's own reports.
static const struct {
	const char *word, *part;
} synonyms[] = { { "live", "inuse" }, { "allocated", "alloc" } };

static bool has_part(const char *type, const char *part)
{
	size_t length = strlen(part);
	for (const char *at = type; at; at = strchr(at, '_'), at += at != NULL)
		if (strncmp(at, part, length) == 0 && (at[length] == '_' || !at[length]))
			return true;
	return false;
}

// Higher is better; 0: it is not meant.
static int rank(const struct store *store, const struct profile_type *type, const char *name)
{
	const char *part = name;
	for (size_t i = 0; i < sizeof(synonyms) / sizeof(synonyms[0]); i++)
		if (strcmp(name, synonyms[i].word) == 0)
			part = synonyms[i].part;
	if (strcmp(type->type, name) == 0)
		return 4;
	if (strcmp(type->unit, name) == 0)
		return strcmp(type->type, store->default_type) == 0 ? 3 : 2;
	return has_part(type->type, part) ? 1 : 0;
}

const char *type_name_find(const struct store *store, const char *name)
{
	const char *found = name;
	int best = 1;
	for (size_t i = 0; i < store->num_types; i++) {
		int its = store->is_shared[i] ? rank(store, &store->types[i], name) : 0;
		if (its < best)
			continue;
		best = its;
		found = store->types[i].type;
	}
	return found;
}
