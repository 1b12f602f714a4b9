// SPDX-License-Identifier: Apache-2.0
// Frame name: what a frame is called in tables.  OUTSIDE.
#include "report/frame_name.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "report/units.h"

// With the place of its line, if it is one.
static char *add_place(char *name, const struct view_frame *frame, const char *path,
		       void (*add)(struct text *text, const char *string))
{
	if (frame->line <= 0)
		return name;
	char *file = printable_create(*path ? path : "?", add);
	size_t size_bytes = strlen(name) + strlen(file) + 32;
	char *both = memory_get(size_bytes, 1);
	snprintf(both, size_bytes, "%s (%s:%" PRId64 ")", name, file, frame->line);
	free(file);
	free(name);
	return both;
}

char *frame_name_create(const struct view_frame *frame, void (*add)(struct text *text, const char *string))
{
	return add_place(printable_create(frame->name, add), frame, frame->file, add);
}

// What follows the '>' that belongs to the '<' here; NULL: none does.
static const char *skip_arguments(const char *at)
{
	for (int depth = 0; *at; at++) {
		bool is_arrow = *at == '>' && at[-1] == '-';
		depth += (*at == '<') - (*at == '>' && !is_arrow);
		if (depth == 0)
			return at + 1;
	}
	return NULL;
}

// Leave the contents of template arguments out.
static void shorten(char *name)
{
	char *to = name;
	for (const char *at = name; *at;) {
		bool is_operator = at - name >= 8 && strncmp(at - 8, "operator", 8) == 0;
		const char *end = *at == '<' && at > name && !is_operator && at[-1] != '<' ? skip_arguments(at) : NULL;
		const char *mark = units_has_utf8() ? "<…>" : "<>";
		if (!end || (size_t)(end - at) <= strlen(mark)) {
			*to++ = *at++;
			continue;
		}
		to = stpcpy(to, mark);
		at = end;
	}
	*to = 0;
}

char *frame_name_create_short(const struct view_frame *frame, void (*add)(struct text *text, const char *string),
			      size_t max_columns)
{
	const char *path = text_base_name(frame->file);
	char *name = add_place(printable_create(frame->name, add), frame, path, add);
	if (units_width(name) <= max_columns)
		return name;
	free(name);
	name = printable_create(frame->name, add);
	shorten(name);
	return add_place(name, frame, path, add);
}
