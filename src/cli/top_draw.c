// SPDX-License-Identifier: Apache-2.0
// What `cairn top` draws on a terminal.  OUTSIDE.
#include "cli/top_draw.h"

#include <string.h>

#include <curses.h>

#include "report/columns.h"
#include "report/printable.h"
#include "report/stack_name.h"
#include "report/units.h"

#define MIN_NAME_COLUMNS 28

// Lines of the screen.  Of a small one, what matters less is left out.
static int title_height(void)
{
	return LINES >= 12 ? 4 : LINES >= 8 ? 3 : LINES >= 5 ? 2 : LINES >= 3 ? 1 : 0;
}

static int table_line(void) // of its titles
{
	return title_height() + (LINES >= 14); // an empty line before it
}

uint32_t top_draw_get_height(void)
{
	int height = LINES - table_line() - 1 - (LINES >= 4); // titles, and the line at the bottom
	return height > 0 ? (uint32_t)height : 0;
}

// All that is written goes through here: it is cut where the screen ends and has no control characters.
static void put(int line, int column, const char *string, attr_t attributes)
{
	char storage[TOP_MAX_LINE_BYTES];
	struct text text = TEXT_ON(storage);
	if (line < 0 || line >= LINES || column >= COLS)
		return;
	storage[0] = 0;
	printable_add_cut(&text, string, (size_t)(COLS - column));
	attrset(attributes);
	mvaddstr(line, column, storage);
	if (attributes & A_REVERSE)
		for (int at = column + (int)units_width(storage); at < COLS; at++)
			mvaddch(line, at, ' ');
	attrset(A_NORMAL);
}

static void draw_line(int line, void (*add)(struct text *text, const struct top *top), const struct top *top,
		      attr_t attributes)
{
	char storage[TOP_MAX_LINE_BYTES];
	struct text text = TEXT_ON(storage);
	add(&text, top);
	put(line, 0, storage, attributes);
}

static void draw_history(int line, const struct top *top)
{
	char storage[TOP_MAX_LINE_BYTES];
	struct text text = TEXT_ON(storage);
	size_t columns = COLS > 24 ? (size_t)COLS - 24 : 0;
	sparkline_add(&text, &top->history, columns);
	text_add(&text, "  up to ");
	units_add_bytes(&text, sparkline_get_largest(&top->history, columns));
	put(line, 0, storage, A_NORMAL);
}

static void draw_titles(const struct top *top, const struct top_view *view)
{
	int height = title_height();
	if (height > 0)
		draw_line(0, top_add_title, top, A_BOLD);
	if (height > 0 && view->is_paused)
		put(0, COLS > 10 ? COLS - 10 : 0, " [paused] ", A_REVERSE);
	if (height > 1)
		draw_line(1, top_add_totals, top, A_NORMAL);
	if (height > 2)
		draw_line(2, top_add_counts, top, A_NORMAL);
	if (height > 3)
		draw_history(3, top);
}

static void draw_table_titles(const struct top *top, const enum board_column *columns, size_t num_columns)
{
	char storage[TOP_MAX_LINE_BYTES];
	struct text titles = TEXT_ON(storage);
	int at = 0;
	top_add_titles(&titles, top, columns, num_columns);
	put(table_line(), 0, storage, A_REVERSE);
	for (size_t i = 0; i < num_columns; i++) {
		struct text title = TEXT_ON(storage);
		column_add_title(&title, columns[i], top->board.is_estimate);
		if (columns[i] == top->sort) {
			size_t indent = strspn(storage, " ");
			const char *name = column_get(columns[i])->title;
			put(table_line(), at + (int)indent, name, A_BOLD | A_UNDERLINE);
		}
		at += (int)column_width(columns[i], top->board.is_estimate) + 2;
	}
}

static uint32_t at_most(uint32_t number, uint32_t limit)
{
	return number < limit ? number : limit;
}

static size_t choose_columns(const struct top *top, enum board_column *columns, size_t *name_columns)
{
	size_t num_columns = column_choose(columns, top->sort, top->board.is_estimate, MIN_NAME_COLUMNS, (size_t)COLS);
	size_t used = 0;
	for (size_t i = 0; i < num_columns; i++)
		used += column_width(columns[i], top->board.is_estimate) + 2;
	*name_columns = (size_t)COLS > used ? (size_t)COLS - used : 0;
	return num_columns;
}

static void draw_table(const struct top *top, struct top_view *view)
{
	enum board_column columns[BOARD_NUM_COLUMNS];
	size_t name_columns, num_columns = choose_columns(top, columns, &name_columns);
	uint32_t height = top_draw_get_height();
	view->selected = at_most(view->selected, top->num_shown ? top->num_shown - 1 : 0);
	view->first = at_most(view->first, top->num_shown > height ? top->num_shown - height : 0); // it may have grown
	view->first = at_most(view->first, view->selected);
	if (height && view->selected - view->first >= height)
		view->first = view->selected - height + 1;
	draw_table_titles(top, columns, num_columns);
	for (uint32_t i = 0; i < height && view->first + i < top->num_shown; i++) {
		char storage[TOP_MAX_LINE_BYTES];
		struct text line = TEXT_ON(storage);
		uint32_t row = view->first + i;
		top_add_row(&line, top, top_get_row(top, row), columns, num_columns, name_columns);
		put(table_line() + 1 + (int)i, 0, storage, row == view->selected ? A_REVERSE : A_NORMAL);
	}
	if (!top->num_shown)
		put(table_line() + 1, 0, top->filter.match ? "No call site matches the filter." : "No call site yet.", A_NORMAL);
}

static void draw_frame(int line, const struct top *top, uint32_t number, uint32_t frame)
{
	char storage[TOP_MAX_LINE_BYTES];
	struct text text = TEXT_ON(storage);
	const struct ledger *ledger = target_ledger(top->target);
	const char *file = names_find_file(ledger, frame);
	uint32_t mapping;
	uint64_t address;
	text_add(&text, "#");
	text_add_number(&text, number);
	text_add(&text, number < 10 ? "   " : "  ");
	names_add_frame(top->names, ledger, frame, &text);
	if (*file) {
		text_add(&text, "  in ");
		text_add(&text, file);
	}
	const char *problem = read_frame(ledger, frame, &mapping, &address) ? names_get_problem(top->names, mapping) : NULL;
	if (problem) {
		text_add(&text, " (");
		text_add(&text, problem);
		text_add(&text, ")");
	}
	put(line, 0, storage, A_NORMAL);
}

static const struct board_row *find_row(const struct top *top, uint32_t site)
{
	for (uint32_t i = 0; i < top->board.num_rows; i++)
		if (top->board.rows[i].site == site)
			return &top->board.rows[i];
	return NULL;
}

static void draw_stack(const struct top *top, struct top_view *view)
{
	enum board_column columns[BOARD_NUM_COLUMNS];
	size_t name_columns, num_columns = choose_columns(top, columns, &name_columns);
	const struct board_row *row = find_row(top, view->site);
	uint32_t frames[STACK_NAME_MAX_FRAMES], height = top_draw_get_height();
	if (!row)
		return;
	uint32_t num_frames = (uint32_t)read_stack(target_ledger(top->target), view->site, frames, STACK_NAME_MAX_FRAMES);
	char storage[TOP_MAX_LINE_BYTES];
	struct text line = TEXT_ON(storage);
	draw_table_titles(top, columns, num_columns);
	top_add_row(&line, top, row, columns, num_columns, name_columns);
	put(table_line() + 1, 0, storage, A_BOLD);
	uint32_t room = height > 1 ? height - 1 : 0;
	view->first_line = at_most(view->first_line, num_frames > room ? num_frames - room : 0);
	for (uint32_t i = 0; i < room && view->first_line + i < num_frames; i++)
		draw_frame(table_line() + 2 + (int)i, top, view->first_line + i, frames[view->first_line + i]);
}

static void draw_help(struct top_view *view)
{
	static const char *const before[] = {
		"up down, j k     select a call site; PgUp PgDn Home End",
		"Enter            its whole stack, and back",
		"/                filter by function: a regular expression",
		"space            pause, and go on",
		"r                growth begins again at 0",
		"d                write a profile for pprof, now",
		"q                quit",
		"",
		"< >              sort by the column before, after; or:",
	};
	enum { NUM_BEFORE = sizeof(before) / sizeof(before[0]), NUM_LINES = NUM_BEFORE + BOARD_NUM_COLUMNS };
	uint32_t room = top_draw_get_height() + 1;
	view->first_line = at_most(view->first_line, NUM_LINES > room ? NUM_LINES - room : 0);
	for (uint32_t i = 0; i < room && view->first_line + i < NUM_LINES; i++) {
		char storage[200];
		struct text text = TEXT_ON(storage);
		uint32_t number = view->first_line + i;
		if (number < NUM_BEFORE) {
			text_add(&text, before[number]);
		} else {
			const struct column *column = column_get((enum board_column)(number - NUM_BEFORE));
			text_add_bytes(&text, &column->key, 1);
			text_add(&text, "                ");
			text_add(&text, column->title);
			text_add(&text, ": ");
			text_add(&text, column->meaning);
		}
		put(table_line() + (int)i, 0, storage, A_NORMAL);
	}
}

static void draw_bottom(const struct top_view *view)
{
	static const char *const keys[] = {
		[TOP_TABLE] = "h help  q quit  Enter stack  / filter  < > sort  space pause  r reset growth  d dump",
		[TOP_STACK] = "Enter back  up down scroll  q quit",
		[TOP_HELP] = "h back  up down scroll  q quit",
	};
	char storage[TOP_MAX_LINE_BYTES];
	struct text text = TEXT_ON(storage);
	if (LINES < 4)
		return;
	if (view->is_typing) {
		text_add(&text, "filter: ");
		text_add(&text, view->typed);
		text_add(&text, "_");
		put(LINES - 1, 0, storage, A_BOLD);
	} else {
		put(LINES - 1, 0, view->message[0] ? view->message : keys[view->mode], view->message[0] ? A_BOLD : A_DIM);
	}
}

void top_draw(const struct top *top, struct top_view *view)
{
	erase();
	draw_titles(top, view);
	switch (view->mode) {
	case TOP_TABLE: draw_table(top, view); break;
	case TOP_STACK: draw_stack(top, view); break;
	case TOP_HELP: draw_help(view); break;
	}
	draw_bottom(view);
	refresh();
}
