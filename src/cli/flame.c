// SPDX-License-Identifier: Apache-2.0
// `cairn flame`: a profile, or two compared, as an interactive flame graph in one HTML file.  OUTSIDE.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/whole_file.h"
#include "cli/command.h"
#include "cli/subject.h"
#include "cli/viewing.h"
#include "flame/page.h"
#include "report/about.h"

#define DEFAULT_OUT "cairn-flame.html"
#define MAX_FILTERS 3

enum { KEY_TITLE = 256 };

static const struct argp_option options[] = {
	{ "out", 'o', "FILE", 0, "name of the page; - is standard output (default " DEFAULT_OUT ")", 0 },
	{ "title", KEY_TITLE, "TEXT", 0, "title of the page (default: program and kind of profile)", 0 },
	{ "quiet", 'q', NULL, 0, "say nothing but errors", 0 },
	{ 0 },
};

struct flame {
	const char *subjects[2]; // one profile, or an old and a new one
	uint32_t num_subjects;
	const char *out, *title;
	struct viewing viewing;
	bool is_quiet;
};

static void add_subject(struct argp_state *state, struct flame *flame, const char *name)
{
	if (flame->num_subjects == 2)
		argp_error(state, "%s: expected one profile, or an old and a new one", name);
	if (flame->num_subjects == 1 && strcmp(name, "-") == 0 && strcmp(flame->subjects[0], "-") == 0)
		argp_error(state, "only one of them can be standard input");
	flame->subjects[flame->num_subjects++] = name;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct flame *flame = state->input;
	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &flame->viewing; return 0;
	case 'o': flame->out = argument; return 0;
	case 'q': flame->is_quiet = flame->viewing.naming.is_quiet = true; return 0;
	case KEY_TITLE: flame->title = argument; return 0;
	case ARGP_KEY_ARG: add_subject(state, flame, argument); return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "of what? a profile, a ledger or a process is needed, or two to compare");
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { &viewing_argp, 0, NULL, 0 }, { 0 } };

static const struct argp argp = {
	options, parse, "PROFILE\nOLD NEW",
	"Write a page with an interactive flame graph of a profile, or of what grew between two.  It is one HTML file that any "
	"browser opens, without a network."
	"\vPROFILE, OLD and NEW are profiles, ledgers or process ids; - is standard input.\n\n"
	"Examples:\n"
	"  cairn flame heap.pb.gz\n"
	"  cairn flame 1234 -o now.html\n"
	"  cairn flame before.pb.gz after.pb.gz -o growth.html\n"
	"  cairn flame --type=alloc_space --ignore='^boost::' heap.pb.gz", children, NULL, NULL,
};

// "server: heap profile"; to be given back with free().
static char *make_title(const struct store *store)
{
	struct about about;
	char *title;
	about_init(&about, store);
	const char *program = about.program;
	if (asprintf(&title, "%s%s%s profile%s", program, *program ? ": " : "", about.kind,
		     store->num_sides == 2 ? ", compared" : "") < 0)
		return memory_copy_string("");
	return title;
}

static int write_page(void *context, int fd)
{
	return flame_page_write(context, fd);
}

// Filters as the page shows them; returns how many.
static size_t make_filters(const struct view_request *request, char *filters[MAX_FILTERS])
{
	const struct {
		const char *name, *pattern;
	} all[MAX_FILTERS] = { { "focus", request->focus }, { "ignore", request->ignore }, { "hide", request->hide } };
	size_t num_filters = 0;
	for (size_t i = 0; i < MAX_FILTERS; i++)
		if (all[i].pattern && asprintf(&filters[num_filters], "%s: %s", all[i].name, all[i].pattern) >= 0)
			num_filters++;
	return num_filters;
}

static bool write_view(const struct flame *flame, const struct view *view, struct error *error)
{
	char *filters[MAX_FILTERS], *title = flame->title ? NULL : make_title(view->store);
	struct flame_page page = {
		.view = view,
		.title = flame->title ? flame->title : title,
		.side_names = flame->subjects,
		.filters = (const char *const *)filters,
		.num_filters = make_filters(&flame->viewing.request, filters),
	};
	const struct whole_file_contents contents = { write_page, &page };
	bool is_written = whole_file_write(flame->out, &contents, error);
	for (size_t i = 0; i < page.num_filters; i++)
		free(filters[i]);
	free(title);
	return is_written;
}

static void say(const struct flame *flame, const struct view *view)
{
	if (!flame->is_quiet && strcmp(flame->out, "-") != 0)
		fprintf(stderr, "cairn: wrote %s: %zu stacks\n", flame->out, view->num_stacks);
}

static bool write_store(struct flame *flame, const struct store *store, struct error *error)
{
	struct view *view;
	if (!viewing_create_view(&flame->viewing, &view, store, error))
		return false;
	bool is_written = write_view(flame, view, error);
	if (is_written)
		say(flame, view);
	view_destroy(view);
	return is_written;
}

int flame_main(int argc, char **argv)
{
	struct flame flame = { .out = DEFAULT_OUT };
	struct error error;
	command_parse(&argp, argc, argv, 0, &flame);
	struct store *store = store_create(flame.num_subjects);
	bool is_done = subject_add_named(store, flame.subjects, flame.num_subjects, &flame.viewing.naming, &error) &&
		       write_store(&flame, store, &error);
	store_destroy(store);
	return is_done ? COMMAND_DONE : command_fail(&error);
}
