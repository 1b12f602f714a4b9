// SPDX-License-Identifier: Apache-2.0
/*
 * Viewing: which stacks and frames of a profile are shown, as commands offer it.
 *
 * OUTSIDE.
 */
#ifndef CAIRN_CLI_VIEWING_H
#define CAIRN_CLI_VIEWING_H

#include <argp.h>

#include "cli/naming.h"
#include "report/view.h"

struct viewing {
	const char *type; // as type_name_find() knows it; NULL: the profile's default
	struct view_request request;
	struct naming naming;
};

// Options --type, --focus, --ignore, --hide, --lines and --all-frames, and those of naming.h; its input is a struct viewing.
extern const struct argp viewing_argp;

// As view_create(), of the type that the user means.
bool viewing_create_view(struct viewing *viewing, struct view **view, const struct store *store, struct error *error);

#endif
