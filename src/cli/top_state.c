// SPDX-License-Identifier: Apache-2.0
// State of `cairn top`.  OUTSIDE.
#include "cli/top_state.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/columns.h"
#include "report/printable.h"
#include "report/stack_name.h"
#include "report/units.h"
#include "target/process.h"

uint32_t top_get_pid(const struct top *top)
{
	pid_t pid = target_pid(top->target);
	return pid ? (uint32_t)pid : target_ledger(top->target)->header->pid;
}

const struct board_row *top_get_row(const struct top *top, uint32_t number)
{
	return &top->board.rows[top->shown[number]];
}

void top_arrange(struct top *top)
{
	const struct ledger *ledger = target_ledger(top->target);
	board_sort(&top->board, top->sort);
	top->num_shown = 0;
	for (uint32_t i = 0; i < top->board.num_rows; i++)
		if (filter_passes(&top->filter, top->names, ledger, top->board.rows[i].site))
			top->shown[top->num_shown++] = i;
}

// Names and decisions are of one ledger.
static bool begin_anew(struct top *top, const struct ledger *ledger, struct error *error)
{
	names_destroy(top->names);
	top->names = names_create(target_pid(top->target));
	filter_forget(&top->filter);
	top->history.num_ever = 0;
	top->ages.next_time_ns = 0;
	top->start_ticks = ledger->header->start_ticks;
	return top->names || error_set(error, "no memory for names");
}

// What follows from a new copy.
static bool take_copy(struct top *top, struct error *error)
{
	const struct ledger *ledger = target_ledger(top->target);
	pid_t pid = target_pid(top->target);
	if ((!top->names || top->start_ticks != ledger->header->start_ticks) && !begin_anew(top, ledger, error))
		return false;
	if (!board_update(&top->board, ledger, target_now_ticks(top->target), target_ticks_per_ns(top->target), error))
		return false;
	uint32_t *shown = reallocarray(top->shown, top->board.num_rows + 1, sizeof(*shown));
	if (!shown)
		return error_set(error, "no memory for %u rows", top->board.num_rows);
	top->shown = shown;
	ages_update(&top->ages, &top->board, top->target);
	top->has_ended = pid == 0;
	top->resident_bytes = pid ? process_resident_bytes(pid) : 0;
	sparkline_note(&top->history, top->board.total.values[BOARD_LIVE].value);
	top_arrange(top);
	return true;
}

bool top_init(struct top *top, struct target *target, const struct top_options *options, struct error *error)
{
	*top = (struct top){ .target = target, .sort = options->sort };
	board_init(&top->board);
	filter_init(&top->filter);
	return filter_set(&top->filter, options->filter, error) && take_copy(top, error);
}

void top_deinit(struct top *top)
{
	names_destroy(top->names);
	board_deinit(&top->board);
	filter_deinit(&top->filter);
	free(top->shown);
}

bool top_refresh(struct top *top, struct error *error)
{
	if (target_refresh(top->target, error))
		return take_copy(top, error);
	top->has_ended = !target_pid(top->target) || !process_is_alive(target_pid(top->target));
	top->resident_bytes = top->has_ended ? 0 : top->resident_bytes;
	return false;
}

struct board_value top_sum_shown(const struct top *top, enum board_column column)
{
	struct board_value sum = { 0, top->board.is_estimate ? 0 : UNITS_EXACT };
	for (uint32_t i = 0; i < top->num_shown; i++) {
		const struct board_value *value = &top_get_row(top, i)->values[column];
		sum.value += value->value;
		if (top->board.is_estimate)
			sum.standard_error = hypot(sum.standard_error, value->standard_error);
	}
	return sum;
}

static void add_end(struct text *text, const struct ledger_header *header)
{
	uint32_t end = atomic_load_explicit(&header->end, memory_order_relaxed);
	int32_t status = atomic_load_explicit(&header->end_status, memory_order_relaxed);
	const char *name = end == LEDGER_END_SIGNAL ? sigabbrev_np(status) : NULL;
	text_add(text, "ended");
	if (end == LEDGER_END_EXIT)
		text_add(text, ", exit status ");
	else if (end == LEDGER_END_SIGNAL)
		text_add(text, name ? " by SIG" : " by signal ");
	if (name)
		text_add(text, name);
	else if (end == LEDGER_END_EXIT || end == LEDGER_END_SIGNAL)
		text_add_signed(text, status);
}

void top_add_title(struct text *text, const struct top *top)
{
	const struct ledger_header *header = target_ledger(top->target)->header;
	uint64_t rate_bytes = atomic_load_explicit(&header->rate_bytes, memory_order_relaxed);
	double ticks_per_ns = top->board.ticks_per_ns;
	printable_add_cut(text, target_program(top->target), 40);
	text_add(text, " (pid ");
	text_add_number(text, top_get_pid(top));
	text_add(text, ")  ");
	if (top->has_ended)
		add_end(text, header);
	else
		text_add(text, "running");
	if (ticks_per_ns > 0) {
		text_add(text, top->has_ended ? " after " : " for ");
		uint64_t elapsed_ticks = top->board.copy_ticks - top->board.start_ticks;
		units_add_duration(text, (int64_t)((double)elapsed_ticks / ticks_per_ns));
	}
	text_add(text, "  ");
	if (!rate_bytes)
		text_add(text, "not recording");
	else if (rate_bytes == 1)
		text_add(text, "exact");
	else {
		text_add(text, "one sample in ");
		units_add_bytes(text, (double)rate_bytes);
	}
}

void top_add_totals(struct text *text, const struct top *top)
{
	const struct board_value *total = top->board.total.values;
	text_add(text, "live ");
	column_add_value(text, BOARD_LIVE, &total[BOARD_LIVE]);
	text_add(text, "  peak ");
	column_add_value(text, BOARD_PEAK, &total[BOARD_PEAK]);
	if (!isnan(total[BOARD_RATE].value)) {
		text_add(text, "  allocating ");
		column_add_value(text, BOARD_RATE, &total[BOARD_RATE]);
		text_add(text, top->board.has_interval ? " a second" : " a second (mean since the start)");
	}
	if (top->resident_bytes) {
		text_add(text, "  RSS ");
		units_add_bytes(text, (double)top->resident_bytes);
	}
}

void top_add_counts(struct text *text, const struct top *top)
{
	const struct ledger *ledger = target_ledger(top->target);
	uint64_t num_lost = read_num_lost(ledger);
	units_add_count(text, read_num_samples(ledger));
	text_add(text, " samples  ");
	units_add_count(text, top->board.num_rows);
	text_add(text, top->board.num_rows == 1 ? " call site  " : " call sites  ");
	if (num_lost)
		units_add_count(text, num_lost);
	text_add(text, num_lost ? " events lost" : "nothing lost");
	if (!top->filter.match)
		return;
	struct board_value live = top_sum_shown(top, BOARD_LIVE);
	text_add(text, "  filter ");
	printable_add_cut(text, top->filter.pattern, 40);
	text_add(text, ": ");
	units_add_count(text, top->num_shown);
	text_add(text, " with ");
	column_add_value(text, BOARD_LIVE, &live);
}

void top_add_titles(struct text *text, const struct top *top, const enum board_column *columns, size_t num_columns)
{
	for (size_t i = 0; i < num_columns; i++) {
		column_add_title(text, columns[i], top->board.is_estimate);
		text_add(text, "  ");
	}
	text_add(text, "CALL SITE");
}

void top_add_row(struct text *text, const struct top *top, const struct board_row *row,
		 const enum board_column *columns, size_t num_columns, size_t name_columns)
{
	for (size_t i = 0; i < num_columns; i++) {
		column_add_cell(text, columns[i], &row->values[columns[i]], top->board.is_estimate);
		text_add(text, "  ");
	}
	stack_name_add(text, top->names, target_ledger(top->target), row->site, name_columns);
}
