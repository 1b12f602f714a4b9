// SPDX-License-Identifier: Apache-2.0
// Folded: stacks as lines for flame graphs.  OUTSIDE.
#include "report/folded.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "report/frame_name.h"

static char *make_name(const struct view_frame *frame)
{
	char *name = frame_name_create(frame, printable_add_utf8);
	for (char *at = name; (at = strchr(at, ';'));)
		*at = ':';
	return name;
}

void folded_write(FILE *to, const struct view *view, const struct stacks *stacks)
{
	char **names = memory_get(view->num_frames, sizeof(*names)); // made when they are needed
	for (size_t i = 0; i < stacks->num_rows; i++) {
		const struct stacks_row *row = &stacks->rows[i];
		if (!row->num_frames)
			fputs("[no stack]", to);
		for (uint32_t j = row->num_frames; j-- > 0;) {
			char **name = &names[row->frames[j]];
			if (!*name)
				*name = make_name(&view->frames[row->frames[j]]);
			fputs(*name, to);
			if (j)
				putc(';', to);
		}
		fprintf(to, " %" PRId64 "\n", row->value);
	}
	for (uint32_t i = 0; i < view->num_frames; i++)
		free(names[i]);
	free(names);
}
