// SPDX-License-Identifier: Apache-2.0
// Board: the call sites of a ledger.  OUTSIDE.
#include "report/board.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NO_BIRTH UINT64_MAX
#define EXACT (-1.0)

// The interval that a rate is over, and the moment.
struct interval {
	double elapsed_s; // 0: not known
	bool is_new_epoch; // tallies of allocations began again since the last copy
};

void board_init(struct board *board)
{
	*board = (struct board){ 0 };
}

void board_deinit(struct board *board)
{
	free(board->rows);
	free(board->sites);
	board_init(board);
}

void board_forget_births(struct board *board)
{
	for (uint32_t i = 0; i < board->num_sites; i++)
		board->sites[i].oldest_ticks = NO_BIRTH;
}

void board_note_birth(struct board *board, uint32_t site, uint64_t birth_ticks)
{
	if (site < board->num_sites && birth_ticks < board->sites[site].oldest_ticks)
		board->sites[site].oldest_ticks = birth_ticks;
}

static bool make_room(struct board *board, uint32_t num_sites, struct error *error)
{
	if (num_sites <= board->num_sites)
		return true;
	struct board_row *rows = reallocarray(board->rows, num_sites, sizeof(*rows));
	board->rows = rows ? rows : board->rows;
	struct board_site *sites = reallocarray(board->sites, num_sites, sizeof(*sites));
	board->sites = sites ? sites : board->sites;
	if (!rows || !sites)
		return error_set(error, "no memory for %u call sites", num_sites);
	for (; board->num_sites < num_sites; board->num_sites++)
		sites[board->num_sites] = (struct board_site){ .oldest_ticks = NO_BIRTH };
	return true;
}

static struct interval get_interval(const struct board *board, const struct ledger *ledger, uint64_t now_ticks,
				    double ticks_per_ns)
{
	const struct ledger_header *header = ledger->header;
	int64_t epoch_time_ns = atomic_load_explicit(&header->epoch_time_ns, memory_order_relaxed);
	struct interval interval = { .is_new_epoch = !board->has_copy || epoch_time_ns != board->epoch_time_ns };
	if (!(ticks_per_ns > 0) || now_ticks < header->start_ticks)
		return interval;
	double now_ns = (double)(now_ticks - header->start_ticks) / ticks_per_ns;
	double epoch_ns = epoch_time_ns > header->start_time_ns ? (double)(epoch_time_ns - header->start_time_ns) : 0;
	if (interval.is_new_epoch)
		interval.elapsed_s = (now_ns - epoch_ns) / 1e9;
	else if (now_ticks > board->copy_ticks)
		interval.elapsed_s = (double)(now_ticks - board->copy_ticks) / ticks_per_ns / 1e9;
	return interval;
}

static struct board_value estimate(double value, double variance)
{
	return (struct board_value){ value, sqrt(fmax(variance, 0)) };
}

static const struct board_value unknown = { NAN, EXACT };

// Growth is what was allocated since the baseline and lives, less what lived then and was freed.  Blocks are
// sampled independently of each other, so its variance is the sum of the variances of these two sets of
// blocks.  They are not known by themselves, but each is part of others that are: of all that was allocated and
// freed since, and also of all that lives now and lived then.  So both sums are upper bounds, and the
// smaller one is taken.
static struct board_value growth_of(const struct board_moment *then, const struct tally *tally)
{
	double since = fmax(tally->allocated_bytes_variance - then->allocated_variance, 0) +
		       fmax(tally->freed_bytes_variance - then->freed_variance, 0);
	double lives = tally->live_bytes_variance + then->live_variance;
	return estimate((double)tally->live_bytes - (double)then->live_bytes, fmin(since, lives));
}

static struct board_value rate_of(const struct board_moment *last, const struct tally *tally,
				  const struct interval *interval)
{
	uint64_t before = interval->is_new_epoch ? 0 : last->allocated_bytes;
	double bytes = tally->allocated_bytes > before ? (double)(tally->allocated_bytes - before) : 0;
	double elapsed_s = interval->elapsed_s;
	if (!(elapsed_s > 0))
		return unknown;
	return estimate(bytes / elapsed_s,
			(tally->allocated_bytes_variance - last->allocated_variance) / (elapsed_s * elapsed_s));
}

// Sites are sampled independently too: variances add up.
static void add_to_total(struct board_row *total, const struct board_row *row)
{
	for (int i = 0; i < BOARD_NUM_COLUMNS; i++) {
		struct board_value *sum = &total->values[i];
		const struct board_value *value = &row->values[i];
		if (i == BOARD_AGE)
			continue;
		sum->value += value->value;
		sum->standard_error = value->standard_error < 0 ? EXACT : hypot(sum->standard_error, value->standard_error);
	}
}

static void begin_anew(struct board *board, const struct ledger *ledger)
{
	if (board->num_sites)
		memset(board->sites, 0, board->num_sites * sizeof(*board->sites));
	board_forget_births(board);
	board->start_ticks = ledger->header->start_ticks;
	board->has_copy = false;
}

static void set_exact(struct board_row *row)
{
	for (int i = 0; i < BOARD_NUM_COLUMNS; i++)
		row->values[i].standard_error = EXACT;
}

static void set_row(struct board *board, struct board_row *row, const struct tally *tally,
		    const struct interval *interval)
{
	const struct board_site *site = &board->sites[row->site];
	row->values[BOARD_LIVE] = estimate((double)tally->live_bytes, tally->live_bytes_variance);
	row->values[BOARD_GROWTH] = board->has_copy ? growth_of(&site->baseline, tally) : unknown;
	row->values[BOARD_RATE] = rate_of(&site->last, tally, interval);
	row->values[BOARD_COUNT] = estimate((double)tally->live_objects, tally->live_objects_variance);
	row->values[BOARD_AGE] = unknown;
	row->values[BOARD_PEAK] = estimate((double)tally->peak_bytes, tally->peak_bytes_variance);
	if (!board->is_estimate)
		set_exact(row);
}

static void keep_moment(struct board *board, struct board_site *site, const struct tally *tally)
{
	site->last = (struct board_moment){
		.live_bytes = tally->live_bytes,
		.allocated_bytes = tally->allocated_bytes,
		.live_variance = tally->live_bytes_variance,
		.allocated_variance = tally->allocated_bytes_variance,
		.freed_variance = tally->freed_bytes_variance,
	};
	if (!board->has_copy)
		site->baseline = site->last;
}

// A sum of nothing yet.
static void begin_total(struct board *board, const struct interval *interval)
{
	board->total = (struct board_row){ .values[BOARD_AGE] = unknown };
	if (!board->has_copy)
		board->total.values[BOARD_GROWTH] = unknown;
	if (!(interval->elapsed_s > 0))
		board->total.values[BOARD_RATE] = unknown;
	if (!board->is_estimate)
		set_exact(&board->total);
}

bool board_update(struct board *board, const struct ledger *ledger, uint64_t now_ticks, double ticks_per_ns,
		  struct error *error)
{
	uint32_t num_sites = read_num(ledger, LEDGER_SITES);
	num_sites = num_sites < BOARD_MAX_SITES ? num_sites : BOARD_MAX_SITES;
	if (!make_room(board, num_sites, error))
		return false;
	if (!board->has_copy || board->start_ticks != ledger->header->start_ticks)
		begin_anew(board, ledger);
	struct interval interval = get_interval(board, ledger, now_ticks, ticks_per_ns);
	board->is_estimate = read_is_estimate(ledger);
	board->num_rows = 0;
	begin_total(board, &interval);
	for (uint32_t i = 1; i < num_sites; i++) {
		struct tally tally;
		if (!read_site(ledger, i, &tally))
			continue;
		struct board_row *row = &board->rows[board->num_rows++];
		row->site = i;
		set_row(board, row, &tally, &interval);
		add_to_total(&board->total, row);
		keep_moment(board, &board->sites[i], &tally);
	}
	board->has_interval = board->has_copy && !interval.is_new_epoch;
	board->has_copy = true;
	board->copy_ticks = now_ticks;
	board->ticks_per_ns = ticks_per_ns;
	board->epoch_time_ns = atomic_load_explicit(&ledger->header->epoch_time_ns, memory_order_relaxed);
	return true;
}

void board_set_ages(struct board *board)
{
	double now_ticks = (double)(board->copy_ticks - board->start_ticks);
	board->total.values[BOARD_AGE] = unknown;
	for (uint32_t i = 0; i < board->num_rows; i++) {
		struct board_value *values = board->rows[i].values;
		uint64_t oldest_ticks = board->sites[board->rows[i].site].oldest_ticks;
		bool has_age = values[BOARD_COUNT].value > 0 && oldest_ticks != NO_BIRTH && board->ticks_per_ns > 0;
		values[BOARD_AGE] = unknown;
		if (has_age) // a block may be newer than the copy
			values[BOARD_AGE].value = fmax(now_ticks - (double)oldest_ticks, 0) / board->ticks_per_ns;
		struct board_value *total = &board->total.values[BOARD_AGE];
		total->value = fmax(total->value, values[BOARD_AGE].value); // of NAN and a number it is the number
	}
}

void board_reset_baseline(struct board *board)
{
	for (uint32_t i = 0; i < board->num_sites; i++)
		board->sites[i].baseline = board->sites[i].last;
	const struct board_value none = { 0, board->is_estimate ? 0 : EXACT };
	for (uint32_t i = 0; i < board->num_rows; i++)
		board->rows[i].values[BOARD_GROWTH] = none;
	board->total.values[BOARD_GROWTH] = none;
}

static int compare(const void *a, const void *b, void *context)
{
	const enum board_column *column = context;
	const struct board_row *x = a, *y = b;
	double x_value = x->values[*column].value, y_value = y->values[*column].value;
	if (isnan(x_value) != isnan(y_value))
		return isnan(x_value) - isnan(y_value);
	if (x_value != y_value && !isnan(x_value))
		return x_value > y_value ? -1 : 1;
	return x->site < y->site ? -1 : x->site > y->site;
}

void board_sort(struct board *board, enum board_column column)
{
	if (board->num_rows)
		qsort_r(board->rows, board->num_rows, sizeof(*board->rows), compare, &column);
}
