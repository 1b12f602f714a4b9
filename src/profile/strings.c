// SPDX-License-Identifier: Apache-2.0
// Strings: each distinct string once.  OUTSIDE.
#include "profile/strings.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

struct string {
	UT_hash_handle hh;
	char bytes[];
};

void strings_init(struct strings *strings)
{
	*strings = (struct strings){ 0 };
}

void strings_deinit(struct strings *strings)
{
	struct string *string = strings->table, *next;
	HASH_CLEAR(hh, strings->table); // leaves the elements and their chain
	for (; string; string = next) {
		next = string->hh.next;
		free(string);
	}
}

const char *strings_get(struct strings *strings, const char *string)
{
	struct string *found;
	size_t num_bytes = strlen(string);
	unsigned hash = hash_bytes(string, num_bytes);
	HASH_FIND_BYHASHVALUE(hh, strings->table, string, num_bytes, hash, found);
	if (found)
		return found->bytes;
	found = memory_get(1, sizeof(*found) + num_bytes + 1);
	memcpy(found->bytes, string, num_bytes);
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, strings->table, found->bytes, num_bytes, hash, found);
	return found->bytes;
}
