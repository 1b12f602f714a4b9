// SPDX-License-Identifier: Apache-2.0
// Report heading: of what the profile is, how it was taken, its totals, and what is missing.  OUTSIDE.
#include "cli/report_heading.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "base/sums.h"
#include "report/printable.h"
#include "report/quantity.h"
#include "report/units.h"

#define MAX_COLUMNS 200 // of what others say
#define LINE_BYTES 2048

static void print(FILE *to, const char *before, const struct text *line)
{
	if (line->length)
		fprintf(to, "%s%s\n", before, line->start);
}

// "heap profile of server, process 1234, cairn 0.1.0".
static void print_subject(FILE *to, const struct about *about)
{
	char storage[LINE_BYTES];
	struct text line = TEXT_ON(storage);
	printable_add_cut(&line, about->kind, MAX_COLUMNS);
	text_add(&line, " profile");
	if (*about->program) {
		text_add(&line, " of ");
		printable_add_cut(&line, about->program, MAX_COLUMNS);
	}
	if (about->pid) {
		text_add(&line, " (");
		if (about->num_processes > 1) {
			text_add_number(&line, about->num_processes);
			text_add(&line, " processes, the first ");
		} else {
			text_add(&line, "process ");
		}
		text_add_number(&line, about->pid);
		text_add(&line, ")");
	}
	print(to, "", &line);
	line.length = 0;
	printable_add_cut(&line, about->command, MAX_COLUMNS);
	print(to, "command   ", &line);
}

static void add_time(struct text *line, int64_t time_ns)
{
	char storage[64];
	struct tm local;
	time_t seconds = (time_t)(time_ns / 1000000000);
	if (localtime_r(&seconds, &local) && strftime(storage, sizeof(storage), "%Y-%m-%d %H:%M:%S %Z", &local))
		printable_add(line, storage);
}

static void add_duration(struct text *line, const char *before, int64_t duration_ns, const char *after)
{
	if (line->length)
		text_add(line, ", ");
	text_add(line, before);
	units_add_duration(line, duration_ns);
	text_add(line, after);
}

static void print_time(FILE *to, const struct about *about, const struct store_side *side)
{
	char storage[LINE_BYTES];
	struct text line = TEXT_ON(storage);
	if (side->time_ns)
		add_time(&line, side->time_ns);
	if (side->duration_ns)
		add_duration(&line, "over ", side->duration_ns, "");
	else if (side->time_ns && about->start_time_ns && side->time_ns > about->start_time_ns)
		add_duration(&line, "", side->time_ns - about->start_time_ns, " after profiling began");
	print(to, "taken     ", &line);
}

static void add_period(struct text *line, const struct store *store)
{
	const struct profile_type *type = &store->period_type;
	bool is_exact = strcmp(type->unit, "bytes") == 0 && store->period == 1;
	if (is_exact)
		text_add(line, "every allocation (exact)");
	if (store->period <= 1)
		return;
	text_add(line, "one in ");
	quantity_add(line, type->unit, (double)store->period, UNITS_EXACT);
	text_add(line, " on average");
}

static void print_samples(FILE *to, const struct report *report)
{
	char storage[LINE_BYTES];
	struct text line = TEXT_ON(storage);
	if (report->about.is_off)
		text_add(&line, "not recording");
	else
		add_period(&line, report->store);
	if (report->about.has_num_samples) {
		text_add(&line, line.length ? ": " : "");
		units_add_count(&line, report->about.num_samples);
	}
	text_add(&line, line.length ? ", in " : "");
	units_add_count(&line, report->store->num_samples);
	text_add(&line, report->store->num_samples == 1 ? " stack" : " stacks");
	print(to, "samples   ", &line);
}

static void print_losses(FILE *to, const struct about *about)
{
	for (size_t i = 0; i < about->num_losses; i++) {
		char storage[LINE_BYTES];
		struct text line = TEXT_ON(storage);
		printable_add_cut(&line, about->losses[i], MAX_COLUMNS);
		print(to, i ? "          " : "counted   ", &line);
	}
	if (about->is_complete && !about->num_losses)
		fputs("dropped   nothing\n", to);
}

// The part that focus and ignore leave, and of how much.
static void add_total(struct text *line, const struct view *view, size_t type)
{
	int64_t shown = view->totals[type], whole = view->whole_totals[type];
	const char *unit = view->types[type].unit;
	quantity_add(line, unit, (double)shown, sums_error(view->variances[type]));
	if (shown == whole)
		return;
	text_add(line, " of ");
	quantity_add(line, unit, (double)whole, UNITS_EXACT);
	if (whole) {
		char share[32];
		snprintf(share, sizeof(share), " (%.1f%%)", 100 * (double)shown / fabs((double)whole));
		text_add(line, share);
	}
}

static void print_totals(FILE *to, const struct view *view)
{
	size_t width = 0;
	for (size_t i = 0; i < view->num_types; i++)
		width = strlen(view->types[i].type) > width ? strlen(view->types[i].type) : width;
	for (size_t i = 0; i < view->num_types; i++) {
		char storage[LINE_BYTES];
		struct text line = TEXT_ON(storage);
		printable_add_cut(&line, view->types[i].type, MAX_COLUMNS);
		for (size_t used = units_width(storage); used < width && used < MAX_COLUMNS; used++)
			text_add(&line, " ");
		text_add(&line, "  ");
		add_total(&line, view, i);
		if (i == view->type && view->num_types > 1)
			text_add(&line, "  (shown below)");
		print(to, i ? "          " : "totals    ", &line);
	}
}

void report_print_heading(FILE *to, const struct report *report)
{
	print_subject(to, &report->about);
	print_time(to, &report->about, &report->store->sides[0]);
	print_samples(to, report);
	print_losses(to, &report->about);
	print_totals(to, report->view);
}
