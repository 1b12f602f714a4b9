// SPDX-License-Identifier: Apache-2.0
// `cairn report`: what a profile tells, as text, JSON, CSV, folded stacks or a picture.  OUTSIDE.
#include "cli/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/whole_file.h"
#include "cli/command.h"
#include "cli/subject.h"
#include "report/graph.h"

enum form { TEXT, JSON, CSV, FOLDED, DOT, SVG, PDF };

static const struct {
	const char *option;
	void (*print)(FILE *to, const struct report *report); // NULL: it is a picture
	enum graph_format picture;
} forms[] = {
	[TEXT] = { "", report_print_text, 0 },
	[JSON] = { "--json", report_print_json, 0 },
	[CSV] = { "--csv", report_print_csv, 0 },
	[FOLDED] = { "--folded", report_print_folded, 0 },
	[DOT] = { "--dot", NULL, GRAPH_DOT },
	[SVG] = { "--svg", NULL, GRAPH_SVG },
	[PDF] = { "--pdf", NULL, GRAPH_PDF },
};

struct arguments {
	struct report report;
	enum form form;
	bool has_limit;
	uint32_t limit; // --top
	const char *subject;
};

enum option_key {
	TOP = 'n', OUT = 'o', SORT = 's',
	BY = 256, STACKS, AS_FORM, // AS_FORM + enum form
};

static const struct argp_option option_table[] = {
	{ "by", BY, "LABEL", 0, "the values that the samples' label of this name has", 0 },
	{ "sort", SORT, "ORDER", 0, "of functions: flat (default) or cum", 0 },
	{ "top", TOP, "N", 0, "show N functions (20; 0: all)", 0 },
	{ "stacks", STACKS, "N", 0, "show N stacks (5; 0: all)", 0 },
	{ "json", AS_FORM + JSON, NULL, 0, "print one JSON object with all functions and stacks", 0 },
	{ "csv", AS_FORM + CSV, NULL, 0, "print all functions as comma-separated values", 0 },
	{ "folded", AS_FORM + FOLDED, NULL, 0, "print all stacks as lines, for programs that draw flame graphs", 0 },
	{ "svg", AS_FORM + SVG, NULL, 0, "draw the call graph (needs graphviz)", 0 },
	{ "pdf", AS_FORM + PDF, NULL, 0, "the same as PDF", 0 },
	{ "dot", AS_FORM + DOT, NULL, 0, "the same in graphviz's language", 0 },
	{ "out", OUT, "FILE", 0, "write to a file", 0 },
	{ 0 },
};

// 0 is all.
static uint32_t read_number(struct argp_state *state, const char *argument, const char *option)
{
	char *end;
	unsigned long value = strtoul(argument, &end, 10);
	if (*argument < '0' || *argument > '9' || *end || value > UINT32_MAX)
		argp_error(state, "--%s %s: expected a whole number", option, argument);
	return value ? (uint32_t)value : UINT32_MAX;
}

static void set_order(struct argp_state *state, const char *argument, enum ranking_order *order)
{
	if (strcmp(argument, "flat") != 0 && strcmp(argument, "cum") != 0)
		argp_error(state, "--sort %s: expected flat or cum", argument);
	*order = strcmp(argument, "cum") == 0 ? RANKING_CUM : RANKING_FLAT;
}

static void set_form(struct argp_state *state, struct arguments *arguments, enum form form)
{
	if (arguments->form && arguments->form != form)
		argp_error(state, "%s and %s: expected one of them", forms[arguments->form].option, forms[form].option);
	arguments->form = form;
}

static void check(struct argp_state *state, const struct arguments *arguments)
{
	const char *option = forms[arguments->form].option;
	bool is_picture = !forms[arguments->form].print;
	if (!arguments->subject)
		argp_error(state, "of what? a profile, a ledger or a process is needed; 'cairn list' shows what there is");
	if (arguments->report.label && (is_picture || arguments->form == FOLDED))
		argp_error(state, "--by does not go with %s", option);
	if (is_picture && strcmp(arguments->report.out, "-") == 0 && isatty(STDOUT_FILENO))
		argp_error(state, "%s: a picture is nothing for a terminal: add -o FILE", option);
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	struct report *report = &arguments->report;
	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &report->viewing; break;
	case BY: report->label = argument; break;
	case SORT: set_order(state, argument, &report->order); break;
	case TOP:
		arguments->has_limit = true;
		arguments->limit = read_number(state, argument, "top");
		break;
	case STACKS: report->num_stacks = read_number(state, argument, "stacks"); break;
	case OUT: report->out = argument; break;
	case ARGP_KEY_ARG:
		if (arguments->subject)
			argp_error(state, "%s: expected one profile, ledger or process only", argument);
		arguments->subject = argument;
		break;
	case ARGP_KEY_END: check(state, arguments); break;
	default:
		if (key < AS_FORM + JSON || key > AS_FORM + PDF)
			return ARGP_ERR_UNKNOWN;
		set_form(state, arguments, (enum form)(key - AS_FORM));
	}
	return 0;
}

static const struct argp_child children[] = { { &viewing_argp, 0, NULL, 0 }, { 0 } };

static const struct argp argp = {
	.options = option_table,
	.parser = parse,
	.children = children,
	.args_doc = "PROFILE|LEDGER|PID",
	.doc = "Show what a profile tells: which functions and call stacks have most.\v"
	       "A profile may be of any tool that writes pprof's format, and '-' is one on standard input; of a ledger or a "
	       "process it is what the heap holds now.\n\n"
	       "FLAT is what a function has itself, CUM with all that it called.  What follows ± is the standard error of an "
	       "estimate; where none is shown the number is exact, or its error is not known.\n\n"
	       "Examples:\n"
	       "  cairn report 1234\n"
	       "  cairn report --type=alloc_space --sort=cum heap.pb.gz\n"
	       "  cairn report --focus='^Parser::' --lines heap.pb.gz\n"
	       "  cairn report --folded cpu.pb.gz | flamegraph.pl >cpu.svg\n"
	       "  cairn report --svg -o heap.svg heap.pb.gz\n"
	       "  cairn report --json heap.pb.gz | jq -r '.functions[0].name'",
};

struct output {
	const struct report *report;
	void (*print)(FILE *to, const struct report *report);
};

// 0 or an errno value.
static int write_output(void *context, int fd)
{
	const struct output *output = context;
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	FILE *to = own < 0 ? NULL : fdopen(own, "w");
	if (!to)
		return errno;
	output->print(to, output->report);
	int error = fflush(to) != 0 || ferror(to) ? (errno ? errno : EIO) : 0;
	fclose(to);
	return error;
}

// How many functions are shown differs between forms.
static bool show(const struct arguments *arguments, struct report *report, struct error *error)
{
	enum form form = arguments->form;
	if (!forms[form].print) {
		uint32_t max_nodes = !arguments->has_limit ? GRAPH_DEFAULT_NODES : arguments->limit == UINT32_MAX ? 0 : arguments->limit;
		struct graph_request request = { .format = forms[form].picture, .max_nodes = max_nodes };
		return graph_draw(report->view, &request, report->out, error);
	}
	report->num_functions = arguments->has_limit ? arguments->limit : form == TEXT ? 20 : UINT32_MAX;
	struct output output = { .report = report, .print = forms[form].print };
	return whole_file_write(report->out, &(struct whole_file_contents){ write_output, &output }, error);
}

static bool make(struct arguments *arguments, struct store *store, struct error *error)
{
	struct report report = arguments->report;
	if (!subject_add_named(store, &arguments->subject, 1, &report.viewing.naming, error))
		return false;
	report.store = store;
	if (!viewing_create_view(&report.viewing, &report.view, store, error))
		return error_prefix(error, arguments->subject);
	if (arguments->form == TEXT) { // where each call is
		struct viewing by_lines = report.viewing;
		by_lines.request.by_lines = true;
		if (!viewing_create_view(&by_lines, &report.lines, store, error)) {
			view_destroy(report.view);
			return error_prefix(error, arguments->subject);
		}
	}
	about_init(&report.about, store);
	bool is_made = (!report.label || by_label_init(&report.by_label, report.view, "--by", report.label, error)) &&
		       show(arguments, &report, error);
	by_label_deinit(&report.by_label);
	view_destroy(report.lines);
	view_destroy(report.view);
	return is_made;
}

int report_main(int argc, char **argv)
{
	struct error error;
	struct arguments arguments = { .report = { .num_stacks = 5, .out = "-" } };
	command_parse(&argp, argc, argv, 0, &arguments);
	struct store *store = store_create(1);
	bool is_made = make(&arguments, store, &error);
	store_destroy(store);
	return is_made ? COMMAND_DONE : command_fail(&error);
}
