// SPDX-License-Identifier: Apache-2.0
// `cairn leaks`: what a program lost, and whether a process grows.  OUTSIDE.
#include "cli/leaks.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/command.h"
#include "cli/value.h"
#include "control/config.h"
#include "leaks/rules.h"

#define DEFAULT_ROWS 20
#define DEFAULT_MAX_PAUSE_NS INT64_C(1000000000)
#define DEFAULT_MEMORY_BYTES (UINT64_C(1) << 30)

// What it is asked about; bits, so that options can say what they are for.
enum mode {
	MODE_PROGRAM = 1,
	MODE_PROCESS = 2,
	MODE_GROWTH = 4,
	MODE_BETWEEN = 8,
	MODES_INSPECTING = MODE_PROGRAM | MODE_PROCESS,
	MODES_COMPARING = MODE_GROWTH | MODE_BETWEEN,
	MODES_ALL = MODES_INSPECTING | MODES_COMPARING,
};

enum option_key {
	TOP = 'n', VERBOSE = 'v', OUT = 'o', SUPPRESSIONS = 's',
	JSON = 0x200, LOG, JUNIT, EXIT_CODE, SHOW_ALL, SHOW_REACHABLE, KINDS, MAX_BYTES, PRINT_RULES,
	RATE, NO_FOLLOW, NO_TRACE, FORCE, LIBRARY, LEDGER_MEMORY,
	MAX_PAUSE, MEMORY,
	GROWTH, MAX_GROWTH, CONFIDENCE, WARMUP, INTERVAL, PER_SIGNAL,
	NUM_KEYS_END,
};

static const struct argp_option option_table[] = {
	{ NULL, 0, NULL, 0, "What counts as a leak:", 1 },
	{ "kinds", KINDS, "LIST", 0, "of definite, indirect and reachable (definite,indirect)", 1 },
	{ "suppressions", SUPPRESSIONS, "FILE", 0, "rules that hide stacks, as LeakSanitizer (leak:PATTERN) and valgrind have them; "
						   "may be given several times", 1 },
	{ "show-all", SHOW_ALL, NULL, 0, "without the rules that come with cairn", 1 },
	{ "max-bytes", MAX_BYTES, "BYTES", 0, "so much may be lost (0)", 1 },
	{ "exit-code", EXIT_CODE, "N", 0, "exit status for a leak (1)", 1 },
	{ NULL, 0, NULL, 0, "What is shown:", 2 },
	{ "show-reachable", SHOW_REACHABLE, NULL, 0, "also the stacks of what the program can still find", 2 },
	{ "top", TOP, "N", 0, "show N stacks (20; 0: all)", 2 },
	{ "json", JSON, NULL, 0, "print one JSON object, with all stacks", 2 },
	{ "log", LOG, "FILE", 0, "write to a file what is else printed (for a program on standard error)", 2 },
	{ "junit", JUNIT, "FILE", 0, "also write the verdict as JUnit's XML, for CI systems", 2 },
	{ "out", OUT, "FILE", 0, "also write a profile of what was found, for cairn report and pprof", 2 },
	{ "verbose", VERBOSE, NULL, 0, "list the rules that hid something, and all processes", 2 },
	{ "print-rules", PRINT_RULES, NULL, 0, "print the rules that come with cairn, and end", 2 },
	{ NULL, 0, NULL, 0, "Of a program:", 3 },
	{ "rate", RATE, "BYTES", 0, "mean bytes between samples (1: every allocation)", 3 },
	{ "no-follow", NO_FOLLOW, NULL, 0, "the first process only, not those that it starts", 3 },
	{ "no-trace", NO_TRACE, NULL, 0, "do not hold processes at their end: what is live then, without a judgement", 3 },
	{ "ledger-memory", LEDGER_MEMORY, "BYTES", 0, "limit of each process's ledger (1G)", 3 },
	{ "library", LIBRARY, "FILE", 0, "preload this libcairn.so", 3 },
	{ "force", FORCE, NULL, 0, "start the program even if it cannot be profiled", 3 },
	{ NULL, 0, NULL, 0, "Of a process that runs:", 4 },
	{ "max-pause", MAX_PAUSE, "TIME", 0, "stop it for no longer (1s; 0: no limit)", 4 },
	{ "memory", MEMORY, "BYTES", 0, "that cairn may use to look for pointers (1G; 0: no limit)", 4 },
	{ "growth", GROWTH, "TIME", 0, "watch how it grows for so long, instead of looking for what is lost", 4 },
	{ "warmup", WARMUP, "TIME", 0, "wait before that", 4 },
	{ "interval", INTERVAL, "TIME", 0, "between snapshots (a tenth)", 4 },
	{ "per-signal", PER_SIGNAL, "SIGNAL", 0, "each such signal that cairn gets is a unit of work done by the process", 4 },
	{ NULL, 0, NULL, 0, "Of growth, also between two profiles:", 5 },
	{ "max-growth", MAX_GROWTH, "BYTES", 0, "so much may be gained; with --growth per hour (0)", 5 },
	{ "confidence", CONFIDENCE, "PERCENT", 0, "how sure it must be that what is called growth is no chance (99.9)", 5 },
	{ 0 },
};

static const struct {
	enum option_key key;
	enum mode modes;
} restrictions[] = {
	{ KINDS, MODES_INSPECTING },	  { SHOW_REACHABLE, MODES_INSPECTING }, { MAX_BYTES, MODES_INSPECTING },
	{ OUT, MODES_INSPECTING },	  { SUPPRESSIONS, MODES_INSPECTING },	{ SHOW_ALL, MODES_INSPECTING },
	{ VERBOSE, MODES_INSPECTING },
	{ RATE, MODE_PROGRAM },		  { NO_FOLLOW, MODE_PROGRAM },		{ NO_TRACE, MODE_PROGRAM },
	{ FORCE, MODE_PROGRAM },	  { LIBRARY, MODE_PROGRAM },		{ LEDGER_MEMORY, MODE_PROGRAM },
	{ MAX_PAUSE, MODE_PROCESS },	  { MEMORY, MODES_INSPECTING },		{ GROWTH, MODE_GROWTH },
	{ WARMUP, MODE_GROWTH },	  { INTERVAL, MODE_GROWTH },		{ PER_SIGNAL, MODE_GROWTH },
	{ MAX_GROWTH, MODES_COMPARING },  { CONFIDENCE, MODES_COMPARING },
};

#define NUM_RESTRICTIONS (sizeof(restrictions) / sizeof(restrictions[0]))

struct arguments {
	struct leaks_request request;
	bool is_given[NUM_RESTRICTIONS]; // options
	size_t num_names;
	enum mode mode;
};

static const char *option_name(int key)
{
	const struct argp_option *option = option_table;
	while (option->key != key)
		option++;
	return option->name;
}

static void read_kinds(struct argp_state *state, const char *argument, bool *counts)
{
	memset(counts, 0, LEAK_NUM_KINDS * sizeof(*counts));
	for (const char *at = argument, *end; at; at = *end ? end + 1 : NULL) {
		int kind = 0;
		end = strchrnul(at, ',');
		while (kind < LEAK_UNKNOWN && (strlen(leak_kind_names[kind]) != (size_t)(end - at) ||
					       strncmp(leak_kind_names[kind], at, (size_t)(end - at)) != 0))
			kind++;
		if (kind == LEAK_UNKNOWN)
			argp_error(state, "--kinds: %s: expected a list of definite, indirect and reachable", argument);
		counts[kind] = true;
	}
}

// A value that is a variable's of the program.
static const char *check_variable(struct argp_state *state, int key, const char *variable, const char *value)
{
	char storage[1024];
	struct text expected = TEXT_ON(storage);
	if (!*value || !config_check(variable, value, &expected))
		argp_error(state, "--%s: %s", option_name(key), *value ? storage : "expected bytes such as 64K");
	return value;
}

static int read_signal(struct argp_state *state, const char *argument)
{
	static struct config config;
	char storage[1024], entry[64];
	struct text expected = TEXT_ON(storage);
	check_variable(state, PER_SIGNAL, "CAIRN_SIGNAL", argument);
	snprintf(entry, sizeof(entry), "CAIRN_SIGNAL=%s", argument);
	if (!config_read(&config, (char *[]){ entry, NULL }, &expected) || !config.signal)
		argp_error(state, "--per-signal: %s: expected a signal such as USR2", argument);
	if (config.signal == SIGINT || config.signal == SIGTERM)
		argp_error(state, "--per-signal: %s: ends the watch; expected another signal, such as USR2", argument);
	return config.signal;
}

static void add_suppressions(struct argp_state *state, struct leaks_request *request, const char *path)
{
	size_t max = sizeof(request->suppressions) / sizeof(request->suppressions[0]);
	if (request->num_suppressions == max)
		argp_error(state, "--suppressions: at most %zu files", max);
	request->suppressions[request->num_suppressions++] = path;
}

static void print_rules_and_end(void)
{
	fputs(leak_rules_get_own(), stdout);
	exit(fflush(stdout) == 0 ? COMMAND_DONE : COMMAND_FAILED);
}

static bool is_number(const char *name)
{
	return *name && !name[strspn(name, "0123456789")];
}

static bool is_there(const char *name)
{
	return strcmp(name, "-") == 0 || is_number(name) || access(name, F_OK) == 0;
}

// ELF, or a script.
static bool looks_like_program(const char *path)
{
	if (is_number(path))
		return false;
	char magic[4] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return false;
	bool is_read = pread(fd, magic, sizeof(magic), 0) >= 2;
	close(fd);
	return is_read && (memcmp(magic, "\177ELF", 4) == 0 || memcmp(magic, "#!", 2) == 0);
}

static pid_t read_pid(struct argp_state *state, const char *name)
{
	errno = 0;
	unsigned long pid = strtoul(name, NULL, 10);
	if (errno || pid == 0 || pid > INT32_MAX)
		argp_error(state, "%s: is not the id of a process", name);
	return (pid_t)pid;
}

static enum mode choose_mode(struct argp_state *state, struct arguments *arguments)
{
	struct leaks_request *request = &arguments->request;
	const char *const *names = request->names;
	if (request->argv && arguments->num_names)
		argp_error(state, "%s: expected nothing between the options and --", names[0]);
	if (request->argv && request->growth_ns)
		argp_error(state, "--growth: is for a process that runs: cairn leaks --growth TIME PID");
	if (request->argv)
		return MODE_PROGRAM;
	if (!arguments->num_names)
		argp_error(state, "of what? cairn leaks -- PROGRAM ARGUMENT..., cairn leaks PID, or cairn leaks OLD NEW");
	if (arguments->num_names > 2)
		argp_error(state, "expected two profiles at most");
	if (arguments->num_names == 2 && request->growth_ns)
		argp_error(state, "--growth: expected one process");
	if (arguments->num_names == 2)
		return MODE_BETWEEN;
	if (!is_number(names[0]))
		argp_error(state, "%s: what was lost can be told of a process that runs (cairn leaks PID), or what grew between two "
				  "profiles (cairn leaks OLD NEW)", names[0]);
	request->pid = read_pid(state, names[0]);
	return request->growth_ns ? MODE_GROWTH : MODE_PROCESS;
}

static const char *describe(enum mode mode)
{
	switch (mode) {
	case MODE_PROGRAM: return "a program";
	case MODE_PROCESS: return "a process without --growth";
	case MODE_GROWTH: return "--growth";
	default: return "two profiles";
	}
}

static bool is_standard_output(const char *file)
{
	return strcmp(file, "-") == 0 || strcmp(file, "/dev/stdout") == 0 || strcmp(file, "/dev/fd/1") == 0;
}

// Standard output is the program's, and takes one form only.
static void check_outputs(struct argp_state *state, const struct arguments *arguments)
{
	const struct leaks_request *request = &arguments->request;
	const char *const files[] = { request->log ? request->log : arguments->mode == MODE_PROGRAM ? "" : "-", request->junit,
				      request->out };
	static const int keys[] = { LOG, JUNIT, OUT };
	int num_standard = 0;
	for (int i = 0; i < 3; i++) {
		if (!files[i] || !is_standard_output(files[i]))
			continue;
		if (arguments->mode == MODE_PROGRAM)
			argp_error(state, "--%s: %s: standard output is the program's; name a file", option_name(keys[i]), files[i]);
		if (num_standard++)
			argp_error(state, "--%s: -: standard output is for one thing only; name a file", option_name(keys[i]));
	}
}

static void check(struct argp_state *state, struct arguments *arguments)
{
	arguments->mode = choose_mode(state, arguments);
	for (size_t i = 0; i < NUM_RESTRICTIONS; i++)
		if (arguments->is_given[i] && !(restrictions[i].modes & arguments->mode))
			argp_error(state, "--%s does not go with %s", option_name(restrictions[i].key), describe(arguments->mode));
	if (arguments->request.viewing.type && arguments->mode != MODE_BETWEEN)
		argp_error(state, "--type does not go with %s", describe(arguments->mode));
	check_outputs(state, arguments);
}

static void note_given(struct arguments *arguments, int key)
{
	for (size_t i = 0; i < NUM_RESTRICTIONS; i++)
		arguments->is_given[i] |= (int)restrictions[i].key == key;
}

static void take_name(struct argp_state *state, struct arguments *arguments, char *argument)
{
	struct leaks_request *request = &arguments->request;
	if (state->quoted) {
		request->argv = &state->argv[state->next - 1];
		state->next = state->argc;
		return;
	}
	if (!is_there(argument) || looks_like_program(argument)) // what follows may be its options
		argp_error(state, "%s: is neither a process nor a profile; a program stands behind --: cairn leaks -- PROGRAM "
				  "ARGUMENT...", argument);
	if (arguments->num_names < 2)
		request->names[arguments->num_names] = argument;
	arguments->num_names++;
}

static error_t parse_number(int key, char *argument, struct argp_state *state)
{
	struct leaks_request *request = &((struct arguments *)state->input)->request;
	switch (key) {
	case TOP: request->max_rows = value_read_number(state, option_name(key), argument, UINT32_MAX); break;
	case EXIT_CODE: request->exit_code = (int)value_read_number(state, option_name(key), argument, 255); break;
	case MAX_BYTES: request->max_bytes = value_read_bytes(state, option_name(key), argument); break;
	case MAX_GROWTH: request->max_growth_bytes = value_read_bytes(state, option_name(key), argument); break;
	case MEMORY: request->memory_bytes = (uint64_t)value_read_bytes(state, option_name(key), argument); break;
	case MAX_PAUSE: request->max_pause_ns = value_read_time(state, option_name(key), argument, true); break;
	case GROWTH: request->growth_ns = value_read_time(state, option_name(key), argument, false); break;
	case WARMUP: request->warmup_ns = value_read_time(state, option_name(key), argument, true); break;
	case INTERVAL: request->interval_ns = value_read_time(state, option_name(key), argument, false); break;
	case CONFIDENCE: request->confidence = value_read_percent(state, option_name(key), argument) / 100; break;
	case PER_SIGNAL: request->unit_signal = read_signal(state, argument); break;
	case RATE:
		request->rate = check_variable(state, key, "CAIRN_RATE", argument);
		if (strtoul(argument, NULL, 10) == 0)
			argp_error(state, "--rate: %s: nothing would be recorded; expected 1 or more", argument);
		break;
	case LEDGER_MEMORY: request->ledger_memory = check_variable(state, key, "CAIRN_MEMORY", argument); break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	struct leaks_request *request = &arguments->request;
	note_given(arguments, key);
	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &request->viewing; return 0;
	case VERBOSE: request->is_verbose = true; return 0;
	case JSON: request->form = LEAKS_JSON; return 0;
	case LOG: request->log = argument; return 0;
	case JUNIT: request->junit = argument; return 0;
	case OUT: request->out = argument; return 0;
	case SHOW_ALL: request->shows_all = true; return 0;
	case SHOW_REACHABLE: request->shows_reachable = true; return 0;
	case SUPPRESSIONS: add_suppressions(state, request, argument); return 0;
	case KINDS: read_kinds(state, argument, request->counts_kind); return 0;
	case PRINT_RULES: print_rules_and_end(); return 0;
	case NO_FOLLOW: request->is_first_only = true; return 0;
	case NO_TRACE: request->is_untraced = true; return 0;
	case FORCE: request->is_forced = true; return 0;
	case LIBRARY:
		if (!realpath(argument, request->library))
			argp_failure(state, LEAKS_UNTOLD, errno, "--library: %s", argument);
		return 0;
	case ARGP_KEY_ARG: take_name(state, arguments, argument); return 0;
	case ARGP_KEY_END: check(state, arguments); return 0;
	default: return parse_number(key, argument, state);
	}
}

static const struct argp_child children[] = { { &viewing_argp, 0, NULL, 0 }, { 0 } };

static const struct argp argp = {
	.options = option_table,
	.parser = parse,
	.children = children,
	.args_doc = "-- PROGRAM [ARGUMENT...]\nPID\n--growth=TIME PID\nOLD NEW",
	.doc = "Tell whether a program leaks: what it lost, where that was allocated, and what only grows.\v"
	       "A program is run with every allocation recorded, and each of its processes is looked at when it ends, however it does: "
	       "blocks are definitely lost if nobody has a pointer to them any more, indirectly lost if only blocks that are lost "
	       "have, and else still reachable.  A process that runs is stopped for a moment.  With --growth it is watched "
	       "instead, and with two profiles they are compared.\n\n"
	       "The exit status is 0 if there is no leak, 1 (or --exit-code) if there is one, and 2 if it could not be told, or cairn "
	       "failed; if it is clean, a program that failed has its own status.\n\n"
	       "Examples:\n"
	       "  cairn leaks -- ./test-suite\n"
	       "  cairn leaks --suppressions=lsan.supp --junit=leaks.xml -- make check\n"
	       "  cairn leaks --json --log=leaks.json -o lost.pb.gz -- python3 script.py\n"
	       "  cairn leaks --max-pause=200ms 1234\n"
	       "  cairn leaks --growth=10m --max-growth=1M 1234\n"
	       "  cairn leaks old.pb.gz new.pb.gz",
};

static bool (*function_of(enum mode mode))(const struct leaks_request *, int *, struct error *)
{
	switch (mode) {
	case MODE_PROGRAM: return leaks_of_program;
	case MODE_PROCESS: return leaks_of_process;
	case MODE_GROWTH: return leaks_by_growth;
	default: return leaks_between;
	}
}

int leaks_main(int argc, char **argv)
{
	struct arguments arguments = {
		.request = {
			.counts_kind = { [LEAK_DEFINITE] = true, [LEAK_INDIRECT] = true },
			.confidence = 0.999,
			.exit_code = LEAKS_FOUND,
			.max_rows = DEFAULT_ROWS,
			.max_pause_ns = DEFAULT_MAX_PAUSE_NS,
			.memory_bytes = DEFAULT_MEMORY_BYTES,
			.rate = "1",
		},
	};
	struct error error;
	int status = LEAKS_UNTOLD;
	command_parse_or_end(&argp, argc, argv, ARGP_IN_ORDER, &arguments, LEAKS_UNTOLD);
	if (!arguments.request.max_rows)
		arguments.request.max_rows = SIZE_MAX;
	if (!function_of(arguments.mode)(&arguments.request, &status, &error))
		command_fail(&error);
	return status;
}
