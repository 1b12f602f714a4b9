// SPDX-License-Identifier: Apache-2.0
// Graph name: strings of somebody else's in quoted strings of DOT.  OUTSIDE.
#include "report/graph_name.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "report/printable.h"

#define MAX_BYTES 2048 // of a string, before it is quoted
#define LABEL_MAX_BYTES 160
#define LINE_COLUMNS 32
#define ELLIPSIS "…"

// graphviz writes what looks like an entity of XML as it is, be there such an entity or not.
static bool looks_like_entity(const char *at)
{
	if (*at++ != '&')
		return false;
	while (*at == '#' || isalnum((unsigned char)*at))
		at++;
	return *at == ';';
}

// graphviz puts names of the graph in the place of these in tooltips, also behind a quoted backslash.
static bool looks_like_escape(const char *at)
{
	return at[0] == '\\' && at[1] && strchr("EGHLNT", at[1]);
}

// Of printable UTF-8.  What graphviz would take for something else is separated by a space.
static void quote(FILE *file, const char *string, size_t length)
{
	for (const char *at = string; at < string + length; at++) {
		if (*at == '"' || *at == '\\')
			putc('\\', file);
		putc(*at, file);
		if (looks_like_entity(at) || looks_like_escape(at))
			putc(' ', file);
	}
}

void graph_name_write(FILE *file, const char *string)
{
	char storage[MAX_BYTES] = "";
	struct text printable = TEXT_ON(storage);
	printable_add_utf8(&printable, string);
	quote(file, storage, printable.length);
	if (printable.is_cut)
		fputs(ELLIPSIS, file);
}

static bool ends_with(const char *string, size_t length, const char *end)
{
	size_t end_length = strlen(end);
	return length >= end_length && memcmp(string + length - end_length, end, end_length) == 0;
}

// The length of a function's name without the parameters at its end: "f" of "f(int) const".
static size_t length_without_parameters(const char *function)
{
	size_t length = strlen(function), at = length;
	if (ends_with(function, length, ") const"))
		at -= strlen(" const");
	else if (!ends_with(function, length, ")"))
		return length;
	for (int depth = 0; at > 0;) {
		depth += (function[at - 1] == ')') - (function[at - 1] == '(');
		at--;
		if (depth == 0)
			break;
	}
	return at == 0 || ends_with(function, at, "operator") ? length : at;
}

// May a line end behind this?
static bool is_joint(const char *at)
{
	return strchr("/.,< ", *at) || (at[0] == ':' && at[1] != ':');
}

static size_t length_of_line(const char *line)
{
	size_t num_columns = 0, joint = 0, i;
	for (i = 0; line[i]; i++) {
		num_columns += (line[i] & 0xc0) != 0x80; // a character begins
		if (num_columns > LINE_COLUMNS)
			return joint ? joint : i;
		if (is_joint(line + i))
			joint = i + 1;
	}
	return i;
}

void graph_name_write_label(FILE *file, const char *function)
{
	char name[MAX_BYTES] = "", label[LABEL_MAX_BYTES] = "";
	struct text whole = TEXT_ON(name), start = TEXT_ON(label);
	text_add_bytes(&whole, function, strnlen(function, sizeof(name) - 1));
	name[length_without_parameters(name)] = 0;
	printable_add_utf8(&start, name);
	const char *line = label;
	do {
		size_t length = length_of_line(line);
		quote(file, line, length);
		line += length;
		if (!*line && start.is_cut)
			fputs(ELLIPSIS, file);
		fputs("\\n", file);
	} while (*line);
}
