// SPDX-License-Identifier: Apache-2.0
// `cairn merge`: the sum of profiles.  OUTSIDE.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/subject.h"
#include "pprof/file.h"
#include "report/units.h"

enum { KEY_FILES_FROM = 256 };

static const struct argp_option options[] = {
	{ "out", 'o', "FILE", 0, "where to write the sum; - is standard output", 0 },
	{ "files-from", KEY_FILES_FROM, "LIST", 0, "also those that LIST names, one on each line; - is standard input", 0 },
	{ "null", '0', NULL, 0, "names in LIST end with a zero byte, as find -print0 writes them", 0 },
	{ "quiet", 'q', NULL, 0, "do not say what was written", 0 },
	{ 0 },
};

struct merge {
	const char *out;
	const char *list; // NULL: none
	bool has_zeros, is_quiet;
	char **names;
	size_t num_names, num_skipped;
	struct store *sum; // NULL: of none so far
};

static void add_name(struct merge *merge, const char *name)
{
	merge->names = memory_grow(merge->names, merge->num_names, sizeof(*merge->names));
	merge->names[merge->num_names++] = memory_copy_string(name);
}

static void check(const struct merge *merge, struct argp_state *state)
{
	if (!merge->out)
		argp_error(state, "where to? cairn merge PROFILE... -o FILE");
	if (!merge->num_names && !merge->list)
		argp_error(state, "what? cairn merge PROFILE... -o FILE, or --files-from=LIST");
	if (merge->has_zeros && !merge->list)
		argp_error(state, "--null is for --files-from");
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct merge *merge = state->input;
	switch (key) {
	case 'o': merge->out = argument; return 0;
	case KEY_FILES_FROM: merge->list = argument; return 0;
	case '0': merge->has_zeros = true; return 0;
	case 'q': merge->is_quiet = true; return 0;
	case ARGP_KEY_ARG: add_name(merge, argument); return 0;
	case ARGP_KEY_END: check(merge, state); return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	options, parse, "PROFILE...",
	"Write the sum of profiles, of one program or of many."
	"\vThe same code is recognised wherever it lay in memory.  Memory grows with the number of different call stacks and not "
	"with that of profiles.  What cannot be read, or is of another kind than the first, is named and left out; then the exit "
	"status is 1.\n\n"
	"Examples:\n"
	"  cairn merge heap.*.pb.gz -o all.pb.gz\n"
	"  cairn merge monday.pb.gz tuesday.pb.gz -o - | cairn report -\n"
	"  cairn merge --files-from=list.txt -o all.pb.gz", NULL, NULL, NULL,
};

static bool read_list(struct merge *merge, struct error *error)
{
	bool is_standard_input = strcmp(merge->list, "-") == 0;
	FILE *file = is_standard_input ? stdin : fopen(merge->list, "re");
	char *name = NULL;
	size_t size_bytes = 0;
	ssize_t length;
	if (!file)
		return error_set(error, "--files-from: %s: %s", merge->list, strerror(errno));
	errno = 0;
	while ((length = getdelim(&name, &size_bytes, merge->has_zeros ? 0 : '\n', file)) > 0) {
		if (!merge->has_zeros && name[length - 1] == '\n')
			name[length - 1] = 0;
		if (*name)
			add_name(merge, name);
		errno = 0;
	}
	bool is_read = errno == 0 || error_set(error, "--files-from: %s: %s", merge->list, strerror(errno));
	free(name);
	if (!is_standard_input)
		fclose(file);
	return is_read;
}

// A profile that turns out to be broken must not leave a part of itself in the sum, so it is read into a store of its own.
static bool add_profile(struct merge *merge, const char *name, struct error *error)
{
	struct store *store = store_create(1);
	bool is_added = subject_add(store, name, 0, STORE_ADD, error);
	if (is_added && !merge->sum) {
		merge->sum = store;
		return true;
	}
	if (is_added && !store_push(store, store_begin(merge->sum, 0, STORE_ADD)))
		is_added = error_set(error, "%s: %s", name, store_get_problem(merge->sum));
	store_destroy(store);
	return is_added;
}

static void add_profiles(struct merge *merge)
{
	struct error error;
	for (size_t i = 0; i < merge->num_names; i++) {
		command_show_progress("profiles", i, merge->num_names);
		if (add_profile(merge, merge->names[i], &error))
			continue;
		command_end_progress();
		command_fail(&error);
		merge->num_skipped++;
	}
	command_end_progress();
}

static void say(const struct merge *merge)
{
	char storage[256];
	struct text line = TEXT_ON(storage);
	if (merge->is_quiet && !merge->num_skipped)
		return;
	if (merge->num_skipped) {
		units_add_count(&line, merge->num_names - merge->num_skipped);
		text_add(&line, " of ");
	}
	units_add_count(&line, merge->num_names);
	text_add(&line, merge->num_names == 1 ? " profile, " : " profiles, ");
	units_add_count(&line, merge->sum->num_samples);
	text_add(&line, " call stacks");
	fprintf(stderr, "cairn: wrote %s: %s\n", strcmp(merge->out, "-") == 0 ? "the sum" : merge->out, storage);
}

static bool write_sum(const struct merge *merge, struct error *error)
{
	const struct file_contents contents = file_contents_of(merge->sum);
	if (!merge->num_names)
		return error_set(error, "%s: names no profiles", merge->list);
	if (!merge->sum)
		return error_set(error, "none of %zu profiles could be read, so nothing was written", merge->num_names);
	if (!file_write(merge->out, &contents, error))
		return false;
	say(merge);
	return true;
}

int merge_main(int argc, char **argv)
{
	struct merge merge = { 0 };
	struct error error;
	command_parse(&argp, argc, argv, 0, &merge);
	bool is_done = !merge.list || read_list(&merge, &error);
	if (is_done) {
		add_profiles(&merge);
		is_done = write_sum(&merge, &error);
	}
	for (size_t i = 0; i < merge.num_names; i++)
		free(merge.names[i]);
	free(merge.names);
	store_destroy(merge.sum);
	if (!is_done)
		return command_fail(&error);
	return merge.num_skipped ? COMMAND_FAILED : COMMAND_DONE;
}
