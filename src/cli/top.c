// SPDX-License-Identifier: Apache-2.0
// `cairn top`: a live view of a program's heap.  OUTSIDE.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/named.h"
#include "cli/top_print.h"
#include "cli/top_screen.h"
#include "report/columns.h"
#include "target/list.h"

#define MIN_INTERVAL_NS 100000000

enum form { SCREEN, TABLE, JSON, CSV };

struct arguments {
	struct top_options options;
	enum form form;
	const char *target;
};

enum option_key { INTERVAL = 'i', SORT = 's', FILTER = 'f', LIMIT = 'n', COUNT = 'c', ONCE = 256, AS_JSON, AS_CSV };

static const struct argp_option option_table[] = {
	{ "interval", INTERVAL, "TIME", 0, "time between two looks: 1s (default), 500ms, 2m", 0 },
	{ "sort", SORT, "COLUMN", 0, "sort by live (default), growth, rate, count, age or peak", 0 },
	{ "filter", FILTER, "REGEX", 0, "only call sites with a function in their stack that matches this regular "
					"expression (a part of its name is one)", 0 },
	{ "limit", LIMIT, "N", 0, "show N call sites (20; 0: all); for --once, --json and --csv", 0 },
	{ "once", ONCE, NULL, 0, "print one table at once: the rate is the mean since the start, growth is not known", 0 },
	{ "json", AS_JSON, NULL, 0, "print one JSON object at once, otherwise like --once", 0 },
	{ "csv", AS_CSV, NULL, 0, "print the top call sites again and again as comma-separated values, a line for each site and "
				  "moment", 0 },
	{ "count", COUNT, "N", 0, "end after N moments; for --csv", 0 },
	{ 0 },
};

static void read_number(struct argp_state *state, const char *argument, const char *option, uint32_t *number)
{
	char *end;
	unsigned long value = strtoul(argument, &end, 10);
	if (*argument < '0' || *argument > '9' || *end || value > UINT32_MAX)
		argp_error(state, "--%s %s: expected a whole number", option, argument);
	*number = (uint32_t)value;
}

static void read_interval(struct argp_state *state, const char *argument, int64_t *interval_ns)
{
	if (!text_read_duration(argument, interval_ns) || *interval_ns < MIN_INTERVAL_NS)
		argp_error(state, "--interval %s: expected a time of 100ms or more, such as 500ms, 1s or 2m", argument);
}

// --once --json is what --json is.
static void set_form(struct argp_state *state, struct arguments *arguments, enum form form)
{
	enum form before = arguments->form, other = before == TABLE ? form : before;
	if (before != SCREEN && before != form && (before == CSV || form == CSV))
		argp_error(state, "--csv and --%s: expected one of them; a single moment is --csv --count=1",
			   before == TABLE || form == TABLE ? "once" : "json");
	arguments->form = before == SCREEN ? form : other;
}

static void check(struct argp_state *state, const struct arguments *arguments)
{
	if (arguments->options.count && arguments->form != CSV)
		argp_error(state, "--count is for --csv");
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	struct top_options *options = &arguments->options;
	struct error error;
	switch (key) {
	case INTERVAL: read_interval(state, argument, &options->interval_ns); break;
	case SORT:
		if (!column_find(argument, &options->sort, &error))
			argp_error(state, "--sort %s", error.message);
		break;
	case FILTER: options->filter = argument; break;
	case LIMIT: read_number(state, argument, "limit", &options->limit); break;
	case COUNT: read_number(state, argument, "count", &options->count); break;
	case ONCE: set_form(state, arguments, TABLE); break;
	case AS_JSON: set_form(state, arguments, JSON); break;
	case AS_CSV: set_form(state, arguments, CSV); break;
	case ARGP_KEY_ARG:
		if (arguments->target)
			argp_error(state, "%s: expected one process or ledger only", argument);
		arguments->target = argument;
		break;
	case ARGP_KEY_END: check(state, arguments); break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = option_table,
	.parser = parse,
	.args_doc = "[PID|LEDGER]",
	.doc = "Show which call sites hold a program's memory, live.\v"
	       "Without a process or a ledger it is the one process that is being profiled.\n\n"
	       "In a terminal this is a full-screen view; press h there for its keys.  Elsewhere it is one table, as with "
	       "--once.\n\n"
	       "What follows ± is the standard error of an estimate; a program that records every allocation has none.  "
	       "Growth is that of live bytes since the view began (its error is an upper bound), the rate is over the last "
	       "interval, and the oldest block is the oldest one that was recorded.\n\n"
	       "Examples:\n"
	       "  cairn top 1234\n"
	       "  cairn top --once --sort=peak 1234\n"
	       "  cairn top --csv --limit=10 --interval=10s 1234 >sites.csv",
};

// The only process that is being profiled.
static bool open_only(struct target **target, struct error *error)
{
	struct list list;
	char name[20] = "";
	size_t num_running = 0;
	list_init(&list, NULL, 0);
	for (size_t i = 0; i < list.num_entries; i++)
		if (list.entries[i].is_readable && list.entries[i].pid && num_running++ == 0)
			snprintf(name, sizeof(name), "%d", (int)list.entries[i].pid);
	list_deinit(&list);
	if (num_running == 1)
		return target_open(target, name, error);
	if (num_running == 0)
		return error_set(error, "no process is being profiled that can be looked at: 'cairn run -- PROGRAM' profiles one");
	return error_set(error, "%zu processes are being profiled: name one of them; 'cairn list' shows them", num_running);
}

static int show(struct top *top, const struct arguments *arguments)
{
	switch (arguments->form) {
	case TABLE: return top_print_table(top, &arguments->options);
	case JSON: return top_print_json(top, &arguments->options);
	case CSV: return top_print_csv(top, &arguments->options);
	case SCREEN: break;
	}
	return top_screen_is_possible() ? top_screen_run(top, &arguments->options) : top_print_table(top, &arguments->options);
}

int top_main(int argc, char **argv)
{
	struct error error;
	struct target *target;
	struct top top;
	struct arguments arguments = { .options = { .interval_ns = 1000000000, .limit = 20, .sort = BOARD_LIVE, .filter = "" } };
	command_parse(&argp, argc, argv, 0, &arguments);
	if (arguments.target ? !named_open(&target, arguments.target, &error) : !open_only(&target, &error))
		return command_fail(&error);
	int status = top_init(&top, target, &arguments.options, &error) ? show(&top, &arguments) : command_fail(&error);
	top_deinit(&top);
	target_close(target);
	return status;
}
