// SPDX-License-Identifier: Apache-2.0
// `cairn run`: start a program with the library preloaded, and write its profile when it is gone.  OUTSIDE.
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/harvest.h"
#include "cli/launching.h"
#include "cli/snapshot.h"
#include "control/config.h"
#include "launch/child.h"
#include "ledger/read.h"

// As env(1) and timeout(1) have it: what is ours, not the program's.
#define STATUS_OWN_FAILURE 125

enum {
	FIRST_VARIABLE = 256, // keys of the options in variables[] follow one another from here
	KEY_MERGE = 512,
	KEY_SYMBOLIZE,
	KEY_NO_FOLLOW,
	KEY_FORCE,
	KEY_LIBRARY,
};

static const struct argp_option options[] = {
	{ "out", FIRST_VARIABLE + LAUNCHING_OUT, "PATTERN", 0, "name of the profile: %p pid, %n number, %e program, %t "
							      "unix time, %h host (default " CONFIG_DEFAULT_OUT ")", 1 },
	{ NULL, 'o', "PATTERN", 0, "the same as --out", 1 },
	{ "rate", FIRST_VARIABLE + LAUNCHING_RATE, "BYTES", 0, "mean bytes between samples (512K); 1 is exact", 1 },
	{ "exact", 'x', NULL, 0, "record every allocation: --rate 1", 1 },
	{ "peak", FIRST_VARIABLE + LAUNCHING_PEAK, NULL, 0, "with each profile write another, of the heap when it was largest", 1 },
	{ "symbolize", KEY_SYMBOLIZE, NULL, 0, "give the profile names and lines, so that it can be read where the program is not",
	  1 },
	{ "merge", KEY_MERGE, NULL, 0, "one profile for all processes", 2 },
	{ "no-follow", KEY_NO_FOLLOW, NULL, 0, "profile the first process only, not those that it starts", 2 },
	{ "only", FIRST_VARIABLE + LAUNCHING_ONLY, "NAMES", 0, "profile only these programs, separated by commas", 2 },
	{ "interval", FIRST_VARIABLE + LAUNCHING_INTERVAL, "TIME", 0, "also write a profile every 500ms, 30s, 5m or 1h", 3 },
	{ "signal", FIRST_VARIABLE + LAUNCHING_SIGNAL, "SIGNAL", 0, "also write one on this signal (USR2, RTMIN+3)", 3 },
	{ "dump-growth", FIRST_VARIABLE + LAUNCHING_DUMP_GROWTH, "BYTES", 0, "also write one when the heap has grown by this much", 3 },
	{ "fatal", FIRST_VARIABLE + LAUNCHING_FATAL, NULL, 0, "also let the program write one just before a signal ends it", 3 },
	{ "keep", FIRST_VARIABLE + LAUNCHING_KEEP, "NUMBER", 0, "of the profiles that the program wrote keep only so many, the "
								"newest", 3 },
	{ "ledger", FIRST_VARIABLE + LAUNCHING_LEDGER, "DIRECTORY", 0, "keep the ledgers in DIRECTORY/run.*, and leave them there "
								       "when their profiles are written", 4 },
	{ "memory", FIRST_VARIABLE + LAUNCHING_MEMORY, "BYTES", 0, "limit of each ledger (64M, with --exact 1G)", 4 },
	{ "seed", FIRST_VARIABLE + LAUNCHING_SEED, "NUMBER", 0, "make sampling repeatable (one thread)", 4 },
	{ "library", KEY_LIBRARY, "FILE", 0, "preload this libcairn.so", 4 },
	{ "force", KEY_FORCE, NULL, 0, "start the program even if it cannot be profiled", 4 },
	{ "quiet", 'q', NULL, 0, "do not say where the profile is", 5 },
	{ "verbose", FIRST_VARIABLE + LAUNCHING_VERBOSE, NULL, 0, "let the library say on stderr what it does", 5 },
	{ "verify-stacks", FIRST_VARIABLE + LAUNCHING_VERIFY_STACKS, NULL, 0, "compare each stack with libunwind's (slow)", 5 },
	{ 0 },
};

struct run {
	struct launching launching;
	bool is_merged, is_quiet, is_symbolized;
	char **argv; // PROGRAM ARGS
};

static const char *option_name(int key)
{
	const struct argp_option *option = options;
	while (option->key != key)
		option++;
	return option->name;
}

static void set_variable(struct run *run, struct argp_state *state, int number, const char *value)
{
	char storage[1024];
	struct text expected = TEXT_ON(storage);
	if (number == LAUNCHING_OUT && strcmp(value, "-") == 0)
		argp_error(state, "--out: -: standard output is the program's; name a file, or another pattern");
	if (!config_check(launching_variables[number], value, &expected))
		argp_error(state, "--%s: %s", option_name(FIRST_VARIABLE + number), storage);
	run->launching.values[number] = value;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct run *run = state->input;
	if (key >= FIRST_VARIABLE && key < FIRST_VARIABLE + LAUNCHING_NUM_VARIABLES) {
		int number = key - FIRST_VARIABLE;
		set_variable(run, state, number, number >= LAUNCHING_FIRST_FLAG ? "1" : argument);
		return 0;
	}
	switch (key) {
	case 'o': set_variable(run, state, LAUNCHING_OUT, argument); return 0;
	case 'x': run->launching.values[LAUNCHING_RATE] = "1"; return 0;
	case 'q': run->is_quiet = true; return 0;
	case KEY_MERGE: run->is_merged = true; return 0;
	case KEY_SYMBOLIZE: run->is_symbolized = true; return 0;
	case KEY_NO_FOLLOW: run->launching.is_first_only = true; return 0;
	case KEY_FORCE: run->launching.is_forced = true; return 0;
	case KEY_LIBRARY:
		if (!realpath(argument, run->launching.library))
			argp_failure(state, STATUS_OWN_FAILURE, errno, "%s", argument);
		return 0;
	case ARGP_KEY_ARGS:
		run->argv = state->argv + state->next;
		return 0;
	case ARGP_KEY_NO_ARGS: argp_error(state, "which program? cairn run -- PROGRAM ARGUMENT..."); return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	options, parse, "[--] PROGRAM [ARGUMENT...]",
	"Run a program and profile its heap.  When it has ended, however it did, its profile is written: a file for pprof."
	"\vThe program gets the terminal, signals and descriptors as if cairn were not there, and its exit status is cairn's; "
	"a status of 125 means that cairn failed, 126 and 127 that the program could not be executed.  Variables such as "
	"CAIRN_RATE do the same as the options that have their names; the option counts if both are given.\n\n"
	"Examples:\n"
	"  cairn run -- ./server --port 80\n"
	"  cairn run --exact -o leak.pb.gz -- ./test-suite\n"
	"  cairn run --merge --interval 1m -- make -j4\n"
	"  cairn run --peak -- python3 script.py", NULL, NULL, NULL,
};

// For a shell: as it is, or in quotes where it has other characters than names mostly have.
static void add_quoted(struct text *text, const char *name)
{
	bool is_plain = true;
	for (const char *at = name; *at; at++)
		is_plain = is_plain && (isalnum((unsigned char)*at) || strchr("/._-+%@:,=", *at));
	if (is_plain) {
		text_add(text, name);
		return;
	}
	text_add(text, "'");
	for (const char *at = name; *at; at++)
		*at == '\'' ? text_add(text, "'\\''") : text_add_bytes(text, at, 1);
	text_add(text, "'");
}

static void report_failure(const struct harvest *harvest)
{
	char storage[PATH_MAX + 8];
	struct text ledger = TEXT_ON(storage);
	add_quoted(&ledger, harvest->failed_ledger);
	fprintf(stderr, "cairn: %s; what was recorded stays, write it with: cairn dump -o FILE %s\n", harvest->error.message, storage);
}

static void report_written(const struct harvest *harvest)
{
	char storage[2 * PATH_MAX + 1024];
	struct text line = TEXT_ON(storage);
	text_add(&line, "wrote ");
	if (harvest->num_written > 1) {
		text_add_number(&line, harvest->num_written);
		text_add(&line, " profiles, the largest ");
	}
	text_add(&line, harvest->path);
	text_add(&line, ": ");
	if (read_all_samples(&harvest->header)) {
		snapshot_add_live(&line, &harvest->total, harvest->is_estimate);
		snapshot_add_lost(&line, &harvest->header);
		text_add(&line, "; look at it with: cairn report ");
		add_quoted(&line, harvest->path);
	} else {
		text_add(&line, "no sample was taken, so little was allocated; --exact records everything");
	}
	fprintf(stderr, "cairn: %s\n", storage);
}

static const char *why_nothing(const struct run *run, const struct harvest *harvest)
{
	if (harvest->num_empty)
		return "recording was off";
	if (launching_get_value(&run->launching, LAUNCHING_ONLY))
		return "no program that --only names was started";
	return "the program did not load the library, or it kept its ledger in memory, where it could not be in a file, and wrote its "
	       "profile itself; --verbose tells more";
}

static void report(const struct run *run, const struct harvest *harvest)
{
	if (harvest->num_failed)
		report_failure(harvest);
	if (run->is_quiet)
		return;
	if (harvest->num_running)
		fprintf(stderr, "cairn: %u %s still %s; 'cairn list' shows %s\n", harvest->num_running,
			harvest->num_running == 1 ? "process" : "processes", harvest->num_running == 1 ? "runs" : "run",
			harvest->num_running == 1 ? "it" : "them");
	if (harvest->num_written)
		report_written(harvest);
	else if (!harvest->num_running && !harvest->num_failed)
		fprintf(stderr, "cairn: nothing was profiled: %s\n", why_nothing(run, harvest));
}

int run_main(int argc, char **argv)
{
	struct run run = { 0 };
	struct error error;
	struct harvest harvest;
	struct launching *launching = &run.launching;
	int status;
	command_parse_or_end(&argp, argc, argv, ARGP_IN_ORDER, &run, STATUS_OWN_FAILURE);
	setlocale(LC_CTYPE, "");
	if (!launching_init(launching, run.argv[0], STATUS_OWN_FAILURE, &status, &error)) {
		launching_deinit(launching, false);
		command_fail(&error);
		return status;
	}
	struct child child = { .path = launching->path, .argv = run.argv, .prepare = launching_set_environment,
			       .context = launching };
	bool has_run = child_run(&child, &status, &error);
	if (has_run) {
		const char *pattern = launching_get_value(launching, LAUNCHING_OUT), *symbolize = getenv("CAIRN_SYMBOLIZE");
		const char *peak = launching_get_value(launching, LAUNCHING_PEAK);
		struct naming naming = { .is_quiet = run.is_quiet };
		run.is_symbolized |= symbolize && strcmp(symbolize, "names") == 0;
		const struct harvest_request request = { launching->directory, pattern ? pattern : CONFIG_DEFAULT_OUT, child.pid,
							 child.wait_status, peak && strcmp(peak, "1") == 0, run.is_merged,
							 launching_get_value(launching, LAUNCHING_LEDGER) != NULL };
		harvest_run(&harvest, &request);
		report(&run, &harvest);
		if (run.is_symbolized)
			harvest_name(&harvest, &naming);
		harvest_deinit(&harvest);
	}
	launching_deinit(launching, has_run && harvest.num_running);
	if (has_run)
		child_end_alike(&child);
	command_fail(&error);
	return status;
}
