// SPDX-License-Identifier: Apache-2.0
// `cairn dump`: the profile of a running or dead program, read from outside.  OUTSIDE.
#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/named.h"
#include "cli/since.h"
#include "cli/snapshot.h"
#include "control/config.h"

enum { KEY_PEAK = 256, KEY_SINCE, KEY_EVERY, KEY_COUNT, KEY_SYMBOLIZE };

static const struct argp_option options[] = {
	{ "out", 'o', "PATTERN", 0, "name of the profile: %p pid, %n number, %e program, %t unix time, %h host; - is standard "
				    "output (default " CONFIG_DEFAULT_OUT ")", 0 },
	{ "peak", KEY_PEAK, NULL, 0, "write the heap as it was when it was largest, not as it is now", 0 },
	{ "since", KEY_SINCE, "PROFILE", 0, "write the difference to this earlier profile of the same process: what it allocated, "
					    "and how much it grew, since then", 0 },
	{ "symbolize", KEY_SYMBOLIZE, NULL, 0, "give it names and lines, so that it can be read where the program is not", 0 },
	{ "every", KEY_EVERY, "TIME", 0, "write one after another, every 500ms, 30s, 5m or 1h, until the program ends", 0 },
	{ "count", KEY_COUNT, "NUMBER", 0, "with --every: stop after so many", 0 },
	{ "quiet", 'q', NULL, 0, "do not say what was written", 0 },
	{ 0 },
};

struct dump {
	const char *target; // PID or FILE
	const char *pattern;
	const char *since; // NULL: not wanted
	bool is_peak, is_quiet, is_symbolized;
	struct naming naming;
	int64_t every_ns;   // 0: once
	uint64_t max_count; // 0: no limit
	struct pattern_values values;
};

static void set_pattern(struct dump *dump, struct argp_state *state, const char *value)
{
	if (!*value || !pattern_is_valid(value))
		argp_error(state, "--out: %s: expected a file name in which %%p, %%n, %%e, %%t, %%h stand for pid, number, program, "
				  "unix time and host, and %%%% for %%", value);
	dump->pattern = value;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct dump *dump = state->input;
	switch (key) {
	case 'o': set_pattern(dump, state, argument); return 0;
	case 'q': dump->is_quiet = dump->naming.is_quiet = true; return 0;
	case KEY_PEAK: dump->is_peak = true; return 0;
	case KEY_SYMBOLIZE: dump->is_symbolized = true; return 0;
	case KEY_SINCE: dump->since = argument; return 0;
	case KEY_EVERY:
		if (!text_read_duration(argument, &dump->every_ns) || dump->every_ns < 10000000)
			argp_error(state, "--every: %s: expected a time of at least 10ms such as 500ms, 30s, 5m or 1h", argument);
		return 0;
	case KEY_COUNT:
		if (!text_read_size(argument, &dump->max_count) || !dump->max_count)
			argp_error(state, "--count: %s: expected a whole number from 1 up", argument);
		return 0;
	case ARGP_KEY_ARG:
		if (dump->target)
			argp_error(state, "%s: one process or ledger at a time", argument);
		dump->target = argument;
		return 0;
	case ARGP_KEY_NO_ARGS: argp_error(state, "of what? cairn dump PID|LEDGER; 'cairn list' shows them"); return 0;
	case ARGP_KEY_END:
		if (dump->every_ns && (!pattern_has_number(dump->pattern) || dump->since))
			argp_error(state, dump->since ? "--every and --since do not go together"
						      : "--every needs a %%n for the number in --out");
		if (dump->max_count && !dump->every_ns)
			argp_error(state, "--count is for --every");
		if (dump->is_peak && dump->since)
			argp_error(state, "--peak and --since do not go together");
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	options, parse, "PID|LEDGER",
	"Write the profile of a program for pprof.  It is read from outside: the program is not stopped and does nothing for it."
	"\vA program that is gone has a ledger if it was started with 'cairn run' or CAIRN_LEDGER; 'cairn list' shows where.\n\n"
	"Examples:\n"
	"  cairn dump 1234 -o now.pb.gz\n"
	"  cairn dump --peak 1234\n"
	"  cairn dump 1234 --since now.pb.gz -o since.pb.gz\n"
	"  cairn dump 1234 --every 30s -o heap.%n.pb.gz\n"
	"  cairn dump 1234 -o - | ssh elsewhere 'cat >heap.pb.gz'", NULL, NULL, NULL,
};

static void say(const struct dump *dump, const struct target *target, const char *path)
{
	char storage[512];
	struct text line = TEXT_ON(storage);
	const struct ledger *ledger = target_ledger(target);
	struct tally total;
	if (dump->is_quiet || strcmp(path, "-") == 0)
		return;
	read_total(ledger, &total);
	if (dump->is_peak) {
		total.live_bytes = total.peak_bytes;
		total.live_objects = total.peak_objects;
		total.live_bytes_variance = total.peak_bytes_variance;
	}
	if (dump->since) {
		text_add(&line, "what changed since ");
		text_add(&line, dump->since);
	} else {
		text_add(&line, dump->is_peak ? "at the peak " : "");
		snapshot_add_live(&line, &total, read_is_estimate(ledger));
		snapshot_add_lost(&line, ledger->header);
	}
	fprintf(stderr, "cairn: wrote %s: %s\n", path, storage);
}

static bool write_contents(struct dump *dump, const struct file_contents *contents, char path[PATH_MAX], struct error *error)
{
	if (strcmp(dump->pattern, "-") != 0)
		return file_write_next(dump->pattern, &dump->values, contents, path, error);
	strcpy(path, "-");
	return file_write("-", contents, error);
}

static bool write_since(struct dump *dump, struct snapshot *snapshot, char path[PATH_MAX], struct error *error)
{
	struct store *difference;
	if (!since_create(&difference, snapshot, dump->since, error))
		return false;
	dump->naming.pid = target_pid(snapshot->target);
	if (dump->is_symbolized)
		naming_run(&dump->naming, difference);
	struct file_contents contents = file_contents_of(difference);
	bool is_written = write_contents(dump, &contents, path, error);
	store_destroy(difference);
	return is_written;
}

// Whole, also if the user interrupts it.
static bool write_profile(struct dump *dump, const struct target *target, struct error *error)
{
	char path[PATH_MAX];
	sigset_t interrupts, before;
	struct snapshot snapshot = { .target = target, .is_peak = dump->is_peak };
	struct file_contents contents = snapshot_contents(&snapshot);
	snapshot.naming = dump->is_symbolized && !dump->since ? &dump->naming : NULL; // a difference gets them as a whole
	sigemptyset(&interrupts);
	sigaddset(&interrupts, SIGINT);
	sigaddset(&interrupts, SIGTERM);
	sigprocmask(SIG_BLOCK, &interrupts, &before);
	bool is_written = dump->since ? write_since(dump, &snapshot, path, error) : write_contents(dump, &contents, path, error);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (is_written)
		say(dump, target, path);
	return is_written;
}

static void sleep_until(int64_t moment_ns)
{
	const struct timespec moment = { moment_ns / 1000000000, moment_ns % 1000000000 };
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &moment, NULL) == EINTR)
		;
}

static int64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

// Until the program has ended: what was in a file is written once more then, what was in memory only is gone.
static bool write_repeatedly(struct dump *dump, struct target *target, struct error *error)
{
	int64_t start_ns = now_ns();
	for (uint64_t count = 1;; count++) {
		bool is_running = target_pid(target) != 0;
		if (!write_profile(dump, target, error))
			return false;
		if (!is_running || count == dump->max_count)
			return true;
		int64_t periods = (now_ns() - start_ns) / dump->every_ns + 1; // ones that were missed are left out
		sleep_until(start_ns + periods * dump->every_ns);
		if (target_refresh(target, error))
			continue;
		return target_path(target) ? false : true;
	}
}

int dump_main(int argc, char **argv)
{
	struct dump dump = { .pattern = CONFIG_DEFAULT_OUT };
	struct target *target;
	struct error error;
	command_parse(&argp, argc, argv, 0, &dump);
	setlocale(LC_CTYPE, "");
	if (!named_open(&target, dump.target, &error))
		return command_fail(&error);
	dump.values = snapshot_values(target);
	bool is_done = dump.every_ns ? write_repeatedly(&dump, target, &error) : write_profile(&dump, target, &error);
	target_close(target);
	return is_done ? COMMAND_DONE : command_fail(&error);
}
