// SPDX-License-Identifier: Apache-2.0
// Viewing: which stacks and frames of a profile are shown.  OUTSIDE.
#include "cli/viewing.h"

#include "report/type_name.h"

enum { KEY_HIDE = 0x4100, KEY_LINES, KEY_ALL_FRAMES };

static const struct argp_option options[] = {
	{ NULL, 0, NULL, 0, "What is shown of a profile:", 40 },
	{ "type", 't', "TYPE", 0, "of the profile's values: inuse_space, alloc_objects, cpu ...; by default the profile's own", 40 },
	{ "focus", 'f', "REGEX", 0, "only stacks in which a function matches this regular expression; a part of its name is "
				    "enough", 40 },
	{ "ignore", 'i', "REGEX", 0, "no stacks in which a function matches", 40 },
	{ "hide", KEY_HIDE, "REGEX", 0, "leave functions that match out of stacks: what they have is their callers'", 40 },
	{ "lines", KEY_LINES, NULL, 0, "lines of source code instead of functions", 40 },
	{ "all-frames", KEY_ALL_FRAMES, NULL, 0, "also the functions that the profile says are of no interest, such as malloc", 40 },
	{ 0 },
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct viewing *viewing = state->input;
	struct view_request *request = &viewing->request;
	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &viewing->naming; return 0;
	case 't': viewing->type = argument; return 0;
	case 'f': request->focus = argument; return 0;
	case 'i': request->ignore = argument; return 0;
	case KEY_HIDE: request->hide = argument; return 0;
	case KEY_LINES: request->by_lines = true; return 0;
	case KEY_ALL_FRAMES: request->keeps_dropped = true; return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { &naming_argp, 0, NULL, 0 }, { 0 } };

const struct argp viewing_argp = { options, parse, NULL, NULL, children, NULL, NULL };

bool viewing_create_view(struct viewing *viewing, struct view **view, const struct store *store, struct error *error)
{
	viewing->request.type = viewing->type ? type_name_find(store, viewing->type) : NULL;
	return view_create(view, store, &viewing->request, error);
}
