// SPDX-License-Identifier: Apache-2.0
// Printable: strings of somebody else's, made harmless.  OUTSIDE.
#include "report/printable.h"

#include <string.h>
#include <wchar.h>

#include "base/memory.h"
#include "report/units.h"

#define INVALID UINT32_MAX
#define REPLACEMENT "\xef\xbf\xbd" // U+FFFD

// The character at *string, which is moved behind it; INVALID, and behind one byte, if it is none.
static uint32_t decode(const unsigned char **string)
{
	static const uint32_t smallest[] = { 0, 0x80, 0x800, 0x10000 };
	const unsigned char *at = (*string)++;
	if (*at < 0x80)
		return *at;
	int num_more = *at >= 0xf0 ? 3 : *at >= 0xe0 ? 2 : 1;
	uint32_t character = *at & (0x3fu >> num_more);
	if (*at < 0xc0 || *at > 0xf4)
		return INVALID;
	for (int i = 1; i <= num_more; i++) {
		if ((at[i] & 0xc0) != 0x80) // the terminating zero too
			return INVALID;
		character = character << 6 | (at[i] & 0x3f);
	}
	if (character < smallest[num_more] || character > 0x10ffff || (character >= 0xd800 && character < 0xe000))
		return INVALID;
	*string = at + 1 + num_more;
	return character;
}

// Columns of a terminal; 0: it is not to be shown.  What has no width (also marks that would pile up on the
// character before, and those that change the direction of writing) hides what is there.
static size_t columns_of(uint32_t character, bool has_utf8)
{
	if (character < 0x80)
		return character >= ' ' && character < 0x7f;
	if (character == INVALID || !has_utf8)
		return 0;
	int columns = wcwidth((wchar_t)character);
	return columns > 0 ? (size_t)columns : 0;
}

// A character whole or, where the storage ends, not at all.
static void add_whole(struct text *text, const void *bytes, size_t num_bytes)
{
	text->is_cut |= num_bytes > text->size_bytes - 1 - text->length;
	if (!text->is_cut)
		text_add_bytes(text, bytes, num_bytes);
}

void printable_add_cut(struct text *text, const char *string, size_t max_columns)
{
	bool has_utf8 = units_has_utf8();
	size_t num_columns = 0;
	struct text before_last = *text; // where the sign of the cut would go
	for (const unsigned char *at = (const unsigned char *)string; *at;) {
		const unsigned char *start = at;
		size_t columns = columns_of(decode(&at), has_utf8);
		size_t width = columns ? columns : 1;
		if (num_columns + width > max_columns) {
			*text = before_last;
			if (max_columns)
				text_add(text, has_utf8 ? "…" : "~");
			return;
		}
		if (columns)
			add_whole(text, start, (size_t)(at - start));
		else
			add_whole(text, has_utf8 ? REPLACEMENT : "?", has_utf8 ? 3 : 1);
		num_columns += width;
		if (num_columns < max_columns)
			before_last = *text;
	}
}

void printable_add(struct text *text, const char *string)
{
	printable_add_cut(text, string, SIZE_MAX);
}

void printable_add_utf8(struct text *text, const char *string)
{
	for (const unsigned char *at = (const unsigned char *)string; *at;) {
		const unsigned char *start = at;
		uint32_t character = decode(&at);
		bool is_control = character < ' ' || (character >= 0x7f && character < 0xa0);
		bool is_none = (character & 0xfffe) == 0xfffe; // U+FFFE and the like, which XML does not have either; INVALID
		if (is_none || is_control)
			add_whole(text, REPLACEMENT, 3);
		else
			add_whole(text, start, (size_t)(at - start));
	}
}

char *printable_create(const char *string, void (*add)(struct text *text, const char *string))
{
	size_t size_bytes = (sizeof(REPLACEMENT) - 1) * strlen(string) + 1; // if each byte is replaced
	struct text made = { .start = memory_get(size_bytes, 1), .size_bytes = size_bytes };
	add(&made, string);
	return made.start;
}
