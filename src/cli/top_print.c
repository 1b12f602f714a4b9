// SPDX-License-Identifier: Apache-2.0
// `cairn top` to files and pipes.  OUTSIDE.
#include "cli/top_print.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "cli/command.h"
#include "report/columns.h"
#include "report/printable.h"
#include "report/stack_name.h"

#define NAME_COLUMNS 100 // where there is no terminal to tell
#define MIN_NAME_COLUMNS 28

static uint32_t num_rows(const struct top *top, const struct top_options *options)
{
	return options->limit && options->limit < top->num_shown ? options->limit : top->num_shown;
}

static int finish(void)
{
	struct error error;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return COMMAND_DONE;
	error_set(&error, "standard output: %s", strerror(errno));
	return command_fail(&error);
}

static void print_line(void (*add)(struct text *text, const struct top *top), const struct top *top)
{
	char storage[TOP_MAX_LINE_BYTES];
	struct text line = TEXT_ON(storage);
	add(&line, top);
	puts(storage);
}

// The width of the terminal; where there is none, enough for all columns.
static size_t get_width(void)
{
	struct winsize size;
	bool is_known = isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
	return is_known ? size.ws_col : SIZE_MAX;
}

int top_print_table(const struct top *top, const struct top_options *options)
{
	char storage[TOP_MAX_LINE_BYTES];
	enum board_column columns[BOARD_NUM_COLUMNS];
	size_t width = get_width(), used = 0;
	size_t num_columns = column_choose(columns, top->sort, top->board.is_estimate, MIN_NAME_COLUMNS, width);
	for (size_t i = 0; i < num_columns; i++)
		used += column_width(columns[i], top->board.is_estimate) + 2;
	print_line(top_add_title, top);
	print_line(top_add_totals, top);
	print_line(top_add_counts, top);
	struct text titles = TEXT_ON(storage);
	top_add_titles(&titles, top, columns, num_columns);
	printf("\n%s\n", storage);
	for (uint32_t i = 0; i < num_rows(top, options); i++) {
		struct text line = TEXT_ON(storage);
		size_t left = width > used + MIN_NAME_COLUMNS ? width - used : MIN_NAME_COLUMNS;
		top_add_row(&line, top, top_get_row(top, i), columns, num_columns, left < NAME_COLUMNS ? left : NAME_COLUMNS);
		puts(storage);
	}
	if (num_rows(top, options) < top->num_shown)
		printf("(%u more)\n", top->num_shown - num_rows(top, options));
	return finish();
}

// A value as it is in files: whole bytes and objects, ages in seconds.
static double in_file(enum board_column column, double value)
{
	return column == BOARD_AGE ? value / 1e9 : value;
}

static json_t *json_number(double value)
{
	if (isnan(value))
		return json_null();
	return value == floor(value) && fabs(value) < 9e15 ? json_integer((json_int_t)value) : json_real(value);
}

// The columns; an error is there only if the value is an estimate.
static void set_values(json_t *object, const struct board_row *row)
{
	for (int i = 0; i < BOARD_NUM_COLUMNS; i++) {
		char field[64];
		const char *name = column_get((enum board_column)i)->field;
		json_object_set_new(object, name, json_number(in_file((enum board_column)i, row->values[i].value)));
		snprintf(field, sizeof(field), "%s_standard_error", name);
		if (row->values[i].standard_error >= 0 && !isnan(row->values[i].value))
			json_object_set_new(object, field, json_number(row->values[i].standard_error));
	}
}

static json_t *json_text(const char *string)
{
	char storage[TOP_MAX_LINE_BYTES];
	struct text text = TEXT_ON(storage);
	storage[0] = 0;
	printable_add_utf8(&text, string);
	return json_string(storage);
}

static json_t *json_frame(const struct top *top, uint32_t frame)
{
	char storage[TOP_MAX_LINE_BYTES];
	struct text name = TEXT_ON(storage);
	const struct ledger *ledger = target_ledger(top->target);
	json_t *object = json_object();
	storage[0] = 0;
	names_add_frame(top->names, ledger, frame, &name);
	json_object_set_new(object, "function", json_text(storage));
	json_object_set_new(object, "file", json_text(names_find_file(ledger, frame)));
	return object;
}

static json_t *json_site(const struct top *top, const struct board_row *row)
{
	uint32_t frames[STACK_NAME_MAX_FRAMES];
	const struct ledger *ledger = target_ledger(top->target);
	size_t num_frames = read_stack(ledger, row->site, frames, STACK_NAME_MAX_FRAMES);
	size_t leaf = stack_name_find_leaf(top->names, ledger, frames, num_frames);
	json_t *object = json_object(), *stack = json_array();
	json_object_set_new(object, "site", json_integer(row->site));
	for (size_t i = 0; i < num_frames; i++)
		json_array_append_new(stack, json_frame(top, frames[i]));
	json_object_set(object, "function", json_object_get(json_array_get(stack, leaf), "function"));
	set_values(object, row);
	json_object_set_new(object, "stack", stack);
	return object;
}

int top_print_json(const struct top *top, const struct top_options *options)
{
	const struct ledger *ledger = target_ledger(top->target);
	json_t *object = json_object(), *sites = json_array(), *total = json_object();
	json_object_set_new(object, "program", json_text(target_program(top->target)));
	json_object_set_new(object, "pid", json_integer(top_get_pid(top)));
	json_object_set_new(object, "state", json_string(top->has_ended ? "ended" : "running"));
	json_object_set_new(object, "time_s", json_real((double)target_time_ns(top->target) / 1e9));
	json_object_set_new(object, "sampling_rate_bytes", json_integer((json_int_t)ledger->header->rate_bytes));
	json_object_set_new(object, "is_estimate", json_boolean(top->board.is_estimate));
	json_object_set_new(object, "samples", json_integer((json_int_t)read_num_samples(ledger)));
	json_object_set_new(object, "lost", json_integer((json_int_t)read_num_lost(ledger)));
	json_object_set_new(object, "resident_bytes",
			    top->resident_bytes ? json_integer((json_int_t)top->resident_bytes) : json_null());
	set_values(total, &top->board.total);
	json_object_set_new(object, "total", total);
	json_object_set_new(object, "num_sites", json_integer(top->num_shown));
	for (uint32_t i = 0; i < num_rows(top, options); i++)
		json_array_append_new(sites, json_site(top, top_get_row(top, i)));
	json_object_set_new(object, "sites", sites);
	json_dumpf(object, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(object);
	return finish();
}

static void print_csv_header(void)
{
	printf("time_s,pid,site,function");
	for (int i = 0; i < BOARD_NUM_COLUMNS; i++) {
		const char *field = column_get((enum board_column)i)->field;
		printf(i == BOARD_AGE ? ",%s" : ",%s,%s_standard_error", field, field);
	}
	putchar('\n');
}

// RFC 4180.
static void print_quoted(const char *string)
{
	putchar('"');
	for (; *string; string++) {
		if (*string == '"')
			putchar('"');
		putchar(*string);
	}
	putchar('"');
}

// A number without needless digits; nothing if it is not known.
static void print_number(double value)
{
	putchar(',');
	if (isnan(value))
		return;
	printf(value == floor(value) ? "%.0f" : "%.3f", value);
}

static void print_csv_row(const struct top *top, const struct board_row *row)
{
	char storage[TOP_MAX_LINE_BYTES];
	struct text name = TEXT_ON(storage);
	storage[0] = 0;
	stack_name_add(&name, top->names, target_ledger(top->target), row->site, NAME_COLUMNS);
	printf("%.3f,%u,%u,", (double)target_time_ns(top->target) / 1e9, top_get_pid(top), row->site);
	print_quoted(storage);
	for (int i = 0; i < BOARD_NUM_COLUMNS; i++) {
		const struct board_value *value = &row->values[i];
		print_number(in_file((enum board_column)i, value->value));
		if (i != BOARD_AGE)
			print_number(value->standard_error >= 0 && !isnan(value->value) ? value->standard_error : NAN);
	}
	putchar('\n');
}

int top_print_csv(struct top *top, const struct top_options *options)
{
	struct error error;
	struct timespec next;
	clock_gettime(CLOCK_MONOTONIC, &next);
	print_csv_header();
	for (uint32_t moment = 1;; moment++) {
		for (uint32_t i = 0; i < num_rows(top, options); i++)
			print_csv_row(top, top_get_row(top, i));
		int status = finish();
		if (status != COMMAND_DONE || top->has_ended || moment == options->count)
			return status;
		next.tv_nsec += options->interval_ns % 1000000000;
		next.tv_sec += options->interval_ns / 1000000000 + next.tv_nsec / 1000000000;
		next.tv_nsec %= 1000000000;
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL) == EINTR)
			;
		if (!top_refresh(top, &error))
			return top->has_ended ? COMMAND_DONE : command_fail(&error);
	}
}
