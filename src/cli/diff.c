// SPDX-License-Identifier: Apache-2.0
// `cairn diff`: what grew between two profiles, and what of that is more than chance.  OUTSIDE.
#include "cli/diff.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/subject.h"

#define DEFAULT_ROWS 20             // for people

enum { KEY_FUNCTIONS = 256, KEY_CUM, KEY_CONFIDENCE, KEY_ALL, KEY_JSON, KEY_CSV };

static const struct argp_option options[] = {
	{ "functions", KEY_FUNCTIONS, NULL, 0, "functions instead of stacks: what each has itself", 0 },
	{ "cum", KEY_CUM, NULL, 0, "functions with all that they called", 0 },
	{ "confidence", KEY_CONFIDENCE, "PERCENT", 0, "how sure it must be that nothing that is shown is chance (99.9)", 0 },
	{ "all", KEY_ALL, NULL, 0, "show also what may be chance", 0 },
	{ "top", 'n', "N", 0, "show N stacks or functions (20; 0: all)", 0 },
	{ "json", KEY_JSON, NULL, 0, "print one JSON object with all, also what may be chance", 0 },
	{ "csv", KEY_CSV, NULL, 0, "print all as comma-separated values", 0 },
	{ 0 },
};

struct request {
	struct diff diff;
	bool is_json, is_csv, has_limit;
};

static size_t read_limit(struct argp_state *state, const char *argument)
{
	char *end;
	unsigned long limit = strtoul(argument, &end, 10);
	if (*argument < '0' || *argument > '9' || *end)
		argp_error(state, "--top: %s: expected a whole number", argument);
	return limit ? limit : SIZE_MAX;
}

static double read_confidence(struct argp_state *state, const char *argument)
{
	char *end;
	double percent = strtod(argument, &end);
	if (end == argument || *end || !(percent > 0 && percent < 100))
		argp_error(state, "--confidence: %s: expected a number between 0 and 100, such as 99.9", argument);
	return percent / 100;
}

static void set_name(struct argp_state *state, struct diff *diff, char *name)
{
	if (diff->names[1])
		argp_error(state, "%s: expected two profiles only", name);
	diff->names[diff->names[0] ? 1 : 0] = name;
}

static void check(struct argp_state *state, const struct request *request)
{
	const char *const *names = request->diff.names;
	if (!names[1])
		argp_error(state, "between what? cairn diff OLD NEW");
	if (strcmp(names[0], "-") == 0 && strcmp(names[1], "-") == 0)
		argp_error(state, "only one of them can be standard input");
	if (request->is_json && request->is_csv)
		argp_error(state, "--json and --csv do not go together");
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct request *request = state->input;
	struct diff *diff = &request->diff;
	switch (key) {
	case 'n': diff->max_rows = read_limit(state, argument), request->has_limit = true; return 0;
	case KEY_FUNCTIONS: diff->subject = GROWTH_OF_FLAT; return 0;
	case KEY_CUM: diff->subject = GROWTH_OF_CUM; return 0;
	case KEY_CONFIDENCE: diff->confidence = read_confidence(state, argument); return 0;
	case KEY_ALL: diff->is_all = true; return 0;
	case KEY_JSON: request->is_json = true; return 0;
	case KEY_CSV: request->is_csv = true; return 0;
	case ARGP_KEY_INIT: state->child_inputs[0] = &diff->viewing; return 0;
	case ARGP_KEY_ARG: set_name(state, diff, argument); return 0;
	case ARGP_KEY_END: check(state, request); return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { &viewing_argp, 0, NULL, 0 }, { 0 } };

static const struct argp argp = {
	options, parse, "OLD NEW",
	"Show which call stacks grew between two profiles, what is more than chance first."
	"\vOLD and NEW are profiles, ledgers or process ids.  They may be of different runs of a program: code is recognised "
	"wherever it lay.\n\n"
	"Two profiles of the same heap differ, since each saw other samples.  What follows ± is the standard error of an "
	"estimate.  Where values are exact, every difference is real.\n\n"
	"Examples:\n"
	"  cairn diff before.pb.gz after.pb.gz\n"
	"  cairn diff before.pb.gz 1234\n"
	"  cairn diff --functions --type=inuse_objects monday.pb.gz tuesday.pb.gz\n"
	"  cairn diff --json old.pb.gz new.pb.gz | jq '.rows[] | select(.significant)'", children, NULL, NULL,
};

const char *diff_get_state(const struct growth_change *change)
{
	if (!growth_get(change))
		return "unchanged";
	return !change->values[0] ? "appeared" : !change->values[1] ? "vanished" : "changed";
}

static void measure(struct diff *diff, const struct store *store)
{
	growth_init(&diff->growth, diff->view, diff->subject, diff->confidence);
	for (size_t i = 0; i < diff->growth.num_rows && !diff->is_estimate; i++)
		diff->is_estimate = growth_get_error(&diff->growth.rows[i].change) > 0;
	diff->has_no_errors = !diff->is_estimate && isnan(growth_get_error(&diff->growth.total));
	diff->is_one_process = subject_is_one_process(store);
}

static bool make(struct diff *diff, struct store *store, struct error *error)
{
	if (!subject_add_named(store, diff->names, 2, &diff->viewing.naming, error) ||
	    !viewing_create_view(&diff->viewing, &diff->view, store, error))
		return false;
	measure(diff, store);
	return true;
}

static bool print(const struct request *request, struct error *error)
{
	(request->is_json ? diff_print_json : request->is_csv ? diff_print_csv : diff_print_text)(stdout, &request->diff);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return true;
	return error_set(error, "standard output: %s", strerror(errno));
}

int diff_main(int argc, char **argv)
{
	struct request request = { .diff = { .confidence = 0.999, .max_rows = SIZE_MAX } };
	struct error error;
	command_parse(&argp, argc, argv, 0, &request);
	if (!request.is_json && !request.is_csv && !request.has_limit)
		request.diff.max_rows = DEFAULT_ROWS;
	struct store *store = store_create(2);
	bool is_done = make(&request.diff, store, &error);
	if (is_done) {
		is_done = print(&request, &error);
		growth_deinit(&request.diff.growth);
		view_destroy(request.diff.view);
	}
	store_destroy(store);
	return is_done ? COMMAND_DONE : command_fail(&error);
}
