// SPDX-License-Identifier: Apache-2.0
// `cairn symbolize`: names and lines for the addresses of a profile.  OUTSIDE.
#include <limits.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/command.h"
#include "cli/naming.h"
#include "cli/subject.h"
#include "pprof/file.h"
#include "report/printable.h"
#include "report/units.h"

static const struct argp_option options[] = {
	{ "out", 'o', "FILE", 0, "name of the profile with names; - is standard output (default: the input's name with "
				 "\".named\" before its ending; of standard input: standard output)", 0 },
	{ "quiet", 'q', NULL, 0, "say nothing unless it fails", 0 },
	{ 0 },
};

struct symbolize {
	const char *in, *out;
	struct naming naming;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct symbolize *symbolize = state->input;
	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &symbolize->naming; return 0;
	case 'o': symbolize->out = argument; return 0;
	case 'q': symbolize->naming.is_quiet = true; return 0;
	case ARGP_KEY_ARG:
		if (symbolize->in)
			argp_error(state, "%s: one profile at a time; 'cairn merge' makes one of several", argument);
		symbolize->in = argument;
		return 0;
	case ARGP_KEY_NO_ARGS: argp_error(state, "what? cairn symbolize PROFILE|LEDGER|PID"); return 0;
	case ARGP_KEY_END:
		if (symbolize->out && !*symbolize->out)
			argp_error(state, "--out: expected the name of a file, or -");
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { &naming_argp, 0, NULL, 0 }, { 0 } };

static const struct argp argp = {
	options, parse, "PROFILE|LEDGER|PID",
	"Give the addresses in a profile their functions, source files and lines, inlined calls included, so that it can be read "
	"where the program is not."
	"\vThe programs and libraries must be those that ran: their build ids are compared.  Separate debug files are found by "
	"build id or debug link, and asked from debuginfod servers if DEBUGINFOD_URLS is set.  What has no names keeps its "
	"addresses.\n\n"
	"Examples:\n"
	"  cairn symbolize heap.pb.gz\n"
	"  cairn symbolize heap.pb.gz -o named.pb.gz\n"
	"  cairn symbolize --sysroot /mnt/image --debug-dir ./debug heap.pb.gz\n"
	"  DEBUGINFOD_URLS=https://debuginfod.debian.net cairn symbolize heap.pb.gz",
	children, NULL, NULL,
};

// "heap.named.pb.gz" for "heap.pb.gz".
static void name_output(const char *in, char out[PATH_MAX])
{
	const char *base = text_base_name(in), *end = strstr(base, ".pb.gz");
	int length = end ? (int)(end - in) : (int)strlen(in);
	if (strcmp(in, "-") == 0)
		strcpy(out, "-");
	else
		snprintf(out, PATH_MAX, "%.*s.named.pb.gz", length, in);
}

// The file that has most frames without a name, and how many these are.
static size_t find_nameless(const struct places *places, const char **path)
{
	size_t *counts = memory_get(places->num_mappings, sizeof(*counts)), most = 0;
	for (uint32_t place = 1; place <= places->num_places; place++) {
		const struct profile_location location = places_get(places, place);
		if (!location.mapping_id || (location.num_lines && location.lines[0].function_id))
			continue;
		size_t count = ++counts[location.mapping_id - 1];
		if (count > most) {
			most = count;
			*path = places_get_mapping(places, location.mapping_id).path;
		}
	}
	free(counts);
	return most;
}

static void say(const char *out, const struct store *store, const struct symbolizer_result *result)
{
	char storage[PATH_MAX + 256];
	const char *path;
	size_t num_nameless = find_nameless(&store->places, &path);
	struct text line = TEXT_ON(storage);
	units_add_count(&line, result->num_named);
	text_add(&line, " of ");
	units_add_count(&line, result->num_places);
	text_add(&line, result->num_places == 1 ? " frame has a name, " : " frames have a name, ");
	units_add_count(&line, result->num_with_lines);
	text_add(&line, " a line");
	if (num_nameless) {
		text_add(&line, "; ");
		units_add_count(&line, num_nameless);
		text_add(&line, num_nameless == 1 ? " without is in " : " without are in ");
		printable_add_cut(&line, path, 200);
		text_add(&line, ", whose symbols or debug file were not found");
	}
	fprintf(stderr, "cairn: wrote %s: %s\n", out, storage);
}

int symbolize_main(int argc, char **argv)
{
	struct symbolize symbolize = { 0 };
	struct store *store = store_create(1);
	struct file_contents contents = file_contents_of(store);
	struct error error;
	char out[PATH_MAX];
	command_parse(&argp, argc, argv, 0, &symbolize);
	setlocale(LC_CTYPE, "");
	bool is_done = subject_add_named(store, &symbolize.in, 1, &symbolize.naming, &error);
	if (symbolize.out)
		snprintf(out, sizeof(out), "%s", symbolize.out);
	else
		name_output(symbolize.in, out);
	is_done = is_done && file_write(out, &contents, &error);
	if (is_done && !symbolize.naming.is_quiet && strcmp(out, "-") != 0)
		say(out, store, &symbolize.naming.result);
	store_destroy(store);
	return is_done ? COMMAND_DONE : command_fail(&error);
}
