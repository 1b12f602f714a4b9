// SPDX-License-Identifier: Apache-2.0
// `cairn list`: what is being profiled on this machine, and what was.  OUTSIDE.
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cli/command.h"
#include "ledger/read.h"
#include "report/printable.h"
#include "report/units.h"
#include "target/list.h"

#define NUM_COLUMNS 10

enum { KEY_JSON = 256 };

static const struct argp_option options[] = {
	{ "json", KEY_JSON, NULL, 0, "print JSON, an array of objects", 0 },
	{ 0 },
};

struct request {
	bool is_json;
	char **directories;
	size_t num_directories;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct request *request = state->input;
	(void)argument;
	switch (key) {
	case KEY_JSON: request->is_json = true; return 0;
	case ARGP_KEY_ARGS:
		request->directories = state->argv + state->next;
		request->num_directories = (size_t)(state->argc - state->next);
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	options, parse, "[DIRECTORY...]",
	"Show what is being profiled on this machine, and the ledgers that dead programs left."
	"\vWith a DIRECTORY, the ledgers in it; without one, those of all processes that you may look into, and where 'cairn run' "
	"and CAIRN_LEDGER keep them.  LIVE is an estimate with its standard error, or exact where none is shown; LOST counts "
	"what could not be recorded; SIZE is the memory or disk that the ledger takes.\n\n"
	"Examples:\n"
	"  cairn list\n"
	"  cairn list --json | jq '.[] | select(.running) | .pid'", NULL, NULL, NULL,
};

static void add_state(struct text *text, const struct list_entry *entry)
{
	const struct ledger_header *header = &entry->header;
	const char *name = header->end == LEDGER_END_SIGNAL ? sigabbrev_np(header->end_status) : NULL;
	if (entry->pid)
		text_add(text, "running");
	else if (header->end == LEDGER_END_EXIT)
		text_add(text, "exited ");
	else
		text_add(text, name ? "SIG" : "ended");
	if (!entry->pid && header->end == LEDGER_END_EXIT)
		text_add_signed(text, header->end_status);
	else if (!entry->pid && name)
		text_add(text, name);
}

static int64_t age_ns(const struct list_entry *entry)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec - entry->header.start_time_ns;
}

static void add_rate(struct text *text, uint64_t rate_bytes)
{
	if (rate_bytes == 1)
		text_add(text, "exact");
	else if (rate_bytes == 0)
		text_add(text, "off");
	else
		units_add_bytes(text, (double)rate_bytes);
}

static double live_error(const struct list_entry *entry)
{
	return entry->is_estimate ? sqrt(entry->total.live_bytes_variance) : UNITS_EXACT;
}

static const struct {
	const char *name;
	bool is_right; // aligned
} columns[NUM_COLUMNS] = {
	{ "PID", true },  { "STATE", false }, { "PROGRAM", false }, { "RATE", true }, { "LIVE", true },
	{ "SAMPLES", true }, { "LOST", true }, { "AGE", true }, { "SIZE", true }, { "LEDGER", false },
};

struct row {
	char cells[NUM_COLUMNS][128];
};

static void fill_row(struct row *row, const struct list_entry *entry)
{
	struct text cells[NUM_COLUMNS];
	for (int i = 0; i < NUM_COLUMNS; i++)
		cells[i] = (struct text)TEXT_ON(row->cells[i]);
	text_add_number(&cells[0], entry->pid ? (uint64_t)entry->pid : entry->header.pid);
	add_state(&cells[1], entry);
	printable_add(&cells[2], entry->program);
	add_rate(&cells[3], entry->header.rate_bytes);
	units_add_bytes_estimate(&cells[4], (double)entry->total.live_bytes, live_error(entry));
	units_add_count(&cells[5], read_all_samples(&entry->header));
	units_add_count(&cells[6], entry->num_lost);
	units_add_duration(&cells[7], age_ns(entry));
	units_add_bytes(&cells[8], (double)entry->size_bytes);
}

static void print_cell(const char *cell, size_t width, bool is_right)
{
	int padding = (int)(width - units_width(cell));
	printf("%*s%s%*s  ", is_right ? padding : 0, "", cell, is_right ? 0 : padding, "");
}

// The last column is a path, of any length.
static void print_row(const struct row *row, const char *path, const size_t widths[NUM_COLUMNS])
{
	for (int i = 0; i + 1 < NUM_COLUMNS; i++)
		print_cell(row->cells[i], widths[i], columns[i].is_right);
	printf("%s\n", path);
}

static void print_table(const struct list *list)
{
	struct row *rows = calloc(list->num_entries + 1, sizeof(*rows));
	size_t widths[NUM_COLUMNS] = { 0 };
	char storage[PATH_MAX * 3];
	bool may_colour = command_may_colour(stdout);
	for (int i = 0; rows && i < NUM_COLUMNS; i++)
		strcpy(rows[0].cells[i], columns[i].name);
	for (size_t i = 0; rows && i <= list->num_entries; i++) {
		if (i && list->entries[i - 1].is_readable)
			fill_row(&rows[i], &list->entries[i - 1]);
		for (int j = 0; j < NUM_COLUMNS; j++)
			widths[j] = units_width(rows[i].cells[j]) > widths[j] ? units_width(rows[i].cells[j]) : widths[j];
	}
	for (size_t i = 0; rows && i <= list->num_entries; i++) {
		const struct list_entry *entry = i ? &list->entries[i - 1] : NULL;
		if (entry && !entry->is_readable)
			continue;
		bool is_dim = may_colour && entry && !entry->pid;
		fputs(may_colour && !entry ? "\033[1m" : is_dim ? "\033[2m" : "", stdout);
		struct text path = TEXT_ON(storage);
		printable_add(&path, !entry ? "LEDGER" : entry->path ? entry->path : "in memory");
		print_row(&rows[i], storage, widths);
		fputs(may_colour && (!entry || is_dim) ? "\033[0m" : "", stdout);
	}
	free(rows);
}

static json_t *entry_as_json(const struct list_entry *entry)
{
	char state_storage[64], program_storage[1024], path_storage[PATH_MAX * 3];
	struct text state = TEXT_ON(state_storage), program = TEXT_ON(program_storage), path = TEXT_ON(path_storage);
	add_state(&state, entry);
	printable_add_utf8(&program, entry->program);
	printable_add_utf8(&path, entry->path ? entry->path : "");
	json_t *object = json_pack("{s:I, s:b, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:I}",
				   "pid", (json_int_t)(entry->pid ? (uint64_t)entry->pid : entry->header.pid),
				   "running", entry->pid != 0, "state", state_storage,
				   "program", program_storage,
				   "rate_bytes", (json_int_t)entry->header.rate_bytes,
				   "live_bytes", (json_int_t)entry->total.live_bytes,
				   "live_objects", (json_int_t)entry->total.live_objects,
				   "samples", (json_int_t)read_all_samples(&entry->header),
				   "lost", (json_int_t)entry->num_lost,
				   "size_bytes", (json_int_t)entry->size_bytes,
				   "age_seconds", (double)age_ns(entry) / 1e9,
				   "start_time_ns", (json_int_t)entry->header.start_time_ns);
	if (object && entry->is_estimate)
		json_object_set_new(object, "live_bytes_standard_error", json_real(live_error(entry)));
	if (object && entry->path)
		json_object_set_new(object, "ledger", json_string(path_storage));
	return object;
}

static void print_json(const struct list *list)
{
	json_t *array = json_array();
	for (size_t i = 0; i < list->num_entries; i++)
		if (list->entries[i].is_readable)
			json_array_append_new(array, entry_as_json(&list->entries[i]));
	json_dumpf(array, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	putchar('\n');
	json_decref(array);
}

int list_main(int argc, char **argv)
{
	struct request request = { 0 };
	struct list list;
	struct error error;
	int status = COMMAND_DONE;
	command_parse(&argp, argc, argv, 0, &request);
	setlocale(LC_CTYPE, "");
	for (size_t i = 0; i < request.num_directories; i++) {
		struct stat kind;
		if (stat(request.directories[i], &kind) != 0 || !S_ISDIR(kind.st_mode)) {
			error_set(&error, "%s: is not a directory", request.directories[i]);
			return command_fail(&error);
		}
	}
	list_init(&list, request.directories, request.num_directories);
	if (request.is_json)
		print_json(&list);
	else if (list.num_entries)
		print_table(&list);
	else
		fprintf(stderr, "cairn: nothing that may be looked at is being profiled; start something with: cairn run -- PROGRAM\n");
	for (size_t i = 0; i < list.num_entries; i++)
		if (!list.entries[i].is_readable && !list.entries[i].is_incomplete)
			status = command_fail(&list.entries[i].error);
	list_deinit(&list);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		error_set(&error, "standard output: %s", strerror(errno));
		status = command_fail(&error);
	}
	return status;
}
