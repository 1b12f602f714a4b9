// SPDX-License-Identifier: Apache-2.0
// `cairn leaks --growth`: what grows in a process that runs.  OUTSIDE.
#include "cli/leaks_growth.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/leaks_growth_stacks.h"
#include "cli/leaks_growth_watch.h"
#include "cli/leaks_output.h"
#include "cli/named.h"
#include "report/printable.h"
#include "report/units.h"

#define MAX_NAME_COLUMNS 60

// What is made on the way.
struct growing {
	const struct leaks_request *request;
	struct target *target;
	struct watching watching;
	struct watch_stacks stacks;
	struct evidence evidence;
	struct decision decision;
	struct leaks_growth found;
};

static uint64_t get_rate(const struct growing *growing)
{
	return atomic_load_explicit(&target_ledger(growing->target)->header->rate_bytes, memory_order_relaxed);
}

static void write_heading(struct growing *growing)
{
	struct text line = TEXT_ON(growing->found.heading);
	uint64_t rate_bytes = growing->found.rate_bytes;
	text_add(&line, "growth of ");
	printable_add_cut(&line, growing->found.program, MAX_NAME_COLUMNS);
	text_add(&line, " (process ");
	text_add_number(&line, growing->found.pid);
	text_add(&line, ") in ");
	units_add_duration(&line, (int64_t)growing->found.duration_ns);
	text_add(&line, ", ");
	text_add_number(&line, growing->found.num_snapshots);
	text_add(&line, " snapshots, ");
	if (rate_bytes == 1)
		text_add(&line, "every allocation (exact)");
	else if (rate_bytes) {
		text_add(&line, "one sample in ");
		units_add_bytes(&line, (double)rate_bytes);
	} else {
		text_add(&line, "not recording any more");
	}
	if (growing->found.num_units) {
		text_add(&line, ", ");
		units_add_count(&line, growing->found.num_units);
		text_add(&line, growing->found.num_units == 1 ? " unit of work" : " units of work");
	}
	text_add(&line, "\n");
}

static void note_end(struct text *notes, const struct growing *growing)
{
	static const char *const reasons[] = {
		[WATCHING_INTERRUPTED] = "interrupted",
		[WATCHING_GONE] = "the process ended",
		[WATCHING_LOST] = "the process has this ledger no more (did it execute another program?)",
	};
	if (growing->watching.end == WATCHING_DONE)
		return;
	text_add(notes, reasons[growing->watching.end]);
	text_add(notes, " after ");
	units_add_duration(notes, (int64_t)growing->found.duration_ns);
	text_add(notes, " of ");
	units_add_duration(notes, growing->request->growth_ns);
	text_add(notes, ": this is what was seen until then\n");
}

// What a program sets up when it starts grows, too.
static void note_youth(struct text *notes, const struct growing *growing)
{
	double age_ns = (double)growing->watching.watch.ticks[0] / growing->watching.ticks_per_ns;
	if (!growing->decision.num_leaks || age_ns >= growing->found.duration_ns)
		return;
	text_add(notes, "it had run for ");
	units_add_duration(notes, (int64_t)age_ns);
	text_add(notes, " when the watch began: a program that still warms up grows, too (--warmup)\n");
}

static double get_live_bytes(const struct watch_snapshot *snapshot)
{
	double bytes = 0;
	for (size_t i = 0; i < snapshot->num_blocks; i++)
		bytes += snapshot->blocks[i].weight * (double)snapshot->blocks[i].size_bytes;
	return bytes;
}

// A block that grows comes and goes each time, and what is in a queue goes in the end, however long that gets.
static void note_live(struct text *notes, const struct growing *growing)
{
	double first = get_live_bytes(&growing->watching.watch.first), last = get_live_bytes(&growing->watching.watch.last);
	if (growing->decision.num_leaks || last - first <= fmax(first / 2, growing->found.least_bytes))
		return;
	text_add(notes, "live at the beginning were ");
	units_add_bytes(notes, first);
	text_add(notes, ", at the end ");
	units_add_bytes(notes, last);
	text_add(notes, ": what is soon replaced, as a vector by a larger one, or leaves a queue that gets longer, is not judged\n");
}

static void note_rule(struct text *notes, const struct growing *growing)
{
	if (!growing->found.is_exact)
		return;
	text_add(notes, "no sampling: a stack leaks if it grew at so many moments that the program's own ups and downs do not explain it\n");
}

static void write_notes(struct growing *growing)
{
	struct text notes = TEXT_ON(growing->found.notes);
	note_end(&notes, growing);
	if (!growing->evidence.has_middle)
		text_add(&notes, "too few snapshots to tell whether growth went on to the end\n");
	note_youth(&notes, growing);
	note_live(&notes, growing);
	note_rule(&notes, growing);
	if (growing->watching.num_lost && !growing->watching.num_untracked)
		text_add(&notes, "cairn could not record some of it in full; 'cairn report' tells what\n");
}

static void add_rows(struct growing *growing)
{
	struct leaks_growth *found = &growing->found;
	found->rows = memory_get(growing->stacks.num_stacks, sizeof(*found->rows));
	for (size_t i = 0; i < growing->stacks.num_stacks; i++) {
		const struct decision_stack *decided = &growing->decision.stacks[i];
		const struct evidence_age *age = &growing->evidence.ages[decided->age];
		if (decided->bytes == 0 && decided->state == DECISION_CHANCE)
			continue;
		found->rows[found->num_rows++] = (struct leaks_growth_row){
			.frames = growing->stacks.stacks[i]->frames,
			.num_frames = growing->stacks.stacks[i]->num_frames,
			.state = decided->state,
			.bytes = decided->bytes,
			.error = decided->bytes_error,
			.chance = decided->chance,
			.kept_ns = (double)age->age_ticks / growing->watching.ticks_per_ns,
		};
	}
}

static uint64_t get_longest_exposure(const struct growing *growing)
{
	uint64_t exposure_ticks = 1;
	for (size_t i = 0; i < growing->evidence.num_ages; i++)
		if (growing->evidence.ages[i].exposure_ticks > exposure_ticks)
			exposure_ticks = growing->evidence.ages[i].exposure_ticks;
	return exposure_ticks;
}

// So many samples of small blocks that would stay, were they born evenly over the watch.
static double get_least_bytes(const struct growing *growing)
{
	double share = (double)get_longest_exposure(growing) / (double)growing->evidence.duration_ticks;
	return growing->decision.num_needed * (double)get_rate(growing) / share;
}

// It had not as many spans as must come, as after a watch of hours that was interrupted in its first minute.
static bool is_too_short(const struct growing *growing)
{
	uint64_t span_ticks = growing->watching.watch.births_per_span * LEDGER_BIRTH_TICKS;
	return get_longest_exposure(growing) / span_ticks + 1 < growing->decision.num_needed;
}

static void fill_in(struct growing *growing)
{
	struct leaks_growth *found = &growing->found;
	*found = (struct leaks_growth){
		.request = growing->request,
		.view = growing->stacks.view,
		.program = target_program(growing->target),
		.pid = target_ledger(growing->target)->header->pid,
		.rate_bytes = get_rate(growing),
		.is_exact = get_rate(growing) == 1 && !read_is_estimate(target_ledger(growing->target)),
		.is_of_process = true,
		.has_ended_early = growing->watching.end != WATCHING_DONE,
		.duration_ns = (double)growing->evidence.duration_ticks / growing->watching.ticks_per_ns,
		.watched_ns = (double)growing->request->growth_ns,
		.num_snapshots = growing->watching.watch.num_snapshots,
		.num_units = growing->watching.num_units,
		.num_tests = growing->decision.num_tests,
		.least_samples = growing->decision.num_needed,
	};
	found->least_bytes = found->is_exact ? 0 : get_least_bytes(growing);
	if (growing->watching.num_untracked)
		found->untold = "cairn's ledger is full, and some blocks could not be followed; give it more with --memory";
	else if (!get_rate(growing))
		found->untold = "recording was stopped while it was watched (rate 0)";
	else if (is_too_short(growing))
		found->untold = growing->watching.end == WATCHING_DONE ? "the time was too short for the confidence that is asked for" :
									 "it ended too early";
	else if (growing->watching.end == WATCHING_GONE)
		found->untold = "the process ended while it was watched";
	else if (growing->watching.end == WATCHING_LOST)
		found->untold = "the process went on as another program while it was watched";
	add_rows(growing);
	write_heading(growing);
	write_notes(growing);
}

static bool judge(struct growing *growing, int *status, struct error *error)
{
	struct error ignored;
	target_refresh(growing->target, &ignored); // the stacks of the youngest blocks; if it is gone, the copy before stays
	if (!watch_stacks_init(&growing->stacks, &growing->watching.watch, growing->target, &growing->request->viewing, error))
		return false;
	evidence_init(&growing->evidence, &growing->watching.watch, growing->stacks.of_sites, growing->stacks.num_sites,
		      growing->stacks.num_stacks);
	decision_init(&growing->decision, &growing->evidence, growing->request->confidence);
	fill_in(growing);
	bool is_reported = leaks_growth_report(&growing->found, status, error);
	free(growing->found.rows);
	decision_deinit(&growing->decision);
	evidence_deinit(&growing->evidence);
	watch_stacks_deinit(&growing->stacks);
	return is_reported;
}

bool leaks_by_growth(const struct leaks_request *request, int *status, struct error *error)
{
	struct growing growing = { .request = request };
	bool is_judged = false;
	*status = LEAKS_UNTOLD;
	if (!named_open(&growing.target, request->names[0], error))
		return false;
	if (!leaks_output_check(request, error))
		is_judged = false;
	else if (!get_rate(&growing))
		error_set(error, "%s: nothing is being recorded (rate 0)", request->names[0]);
	else if (watching_init(&growing.watching, growing.target, request, error)) {
		is_judged = judge(&growing, status, error);
		watching_deinit(&growing.watching);
	}
	target_close(growing.target);
	return is_judged;
}
