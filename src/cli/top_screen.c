// SPDX-License-Identifier: Apache-2.0
// `cairn top` in a terminal.  OUTSIDE.
#include "cli/top_screen.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#include <curses.h>

#include "cli/command.h"
#include "cli/snapshot.h"
#include "cli/top_draw.h"
#include "report/columns.h"

#define ESCAPE 27
#define ESCAPE_DELAY_MS 25 // after which it is a key, and not the beginning of one's code

static volatile sig_atomic_t ending_signal, was_continued;

struct screen {
	struct top *top;
	struct top_view view;
	uint32_t selected_site; // 0: whichever comes first
	int64_t interval_ns, next_refresh_ns;
	sigset_t unblocked; // what may interrupt the wait for a key
	bool is_over;
};

bool top_screen_is_possible(void)
{
	const char *terminal = getenv("TERM");
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && terminal && *terminal && strcmp(terminal, "dumb") != 0;
}

static int64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void note_signal(int number)
{
	if (number == SIGCONT)
		was_continued = 1;
	else
		ending_signal = number;
}

// These signals arrive only while a key is waited for, so that none is missed and none comes in the middle.
static void catch_signals(struct screen *screen)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCONT };
	struct sigaction action = { .sa_handler = note_signal };
	sigset_t blocked;
	sigemptyset(&action.sa_mask);
	sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		sigaction(numbers[i], &action, NULL);
		sigaddset(&blocked, numbers[i]);
	}
	sigprocmask(SIG_BLOCK, &blocked, &screen->unblocked);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigdelset(&screen->unblocked, numbers[i]);
}

// The rows may be in another order: the selection stays with its site.
static void follow_selection(struct screen *screen)
{
	const struct top *top = screen->top;
	for (uint32_t i = 0; screen->selected_site && i < top->num_shown; i++)
		if (top_get_row(top, i)->site == screen->selected_site)
			screen->view.selected = i;
}

static void arrange(struct screen *screen)
{
	top_arrange(screen->top);
	follow_selection(screen);
}

static void refresh_state(struct screen *screen)
{
	struct error error;
	screen->next_refresh_ns = now_ns() + screen->interval_ns;
	if (!top_refresh(screen->top, &error) && !screen->top->has_ended)
		snprintf(screen->view.message, sizeof(screen->view.message), "%s", error.message);
	follow_selection(screen);
}

static void select_row(struct screen *screen, int64_t row)
{
	const struct top *top = screen->top;
	if (!top->num_shown)
		return;
	row = row < 0 ? 0 : row < top->num_shown ? row : (int64_t)top->num_shown - 1;
	screen->view.selected = (uint32_t)row;
	screen->selected_site = top_get_row(top, (uint32_t)row)->site;
}

// Up and down, in rows or lines.
static void move_by(struct screen *screen, int64_t lines)
{
	struct top_view *view = &screen->view;
	int64_t first = (int64_t)view->first_line + lines;
	if (view->mode == TOP_TABLE)
		select_row(screen, (int64_t)view->selected + lines);
	else
		view->first_line = first < 0 ? 0 : first < INT_MAX ? (uint32_t)first : INT_MAX;
}

static void set_mode(struct screen *screen, enum top_mode mode)
{
	struct top_view *view = &screen->view;
	view->mode = view->mode == mode ? TOP_TABLE : mode;
	view->first_line = 0;
	if (view->mode == TOP_STACK && view->selected < screen->top->num_shown)
		view->site = top_get_row(screen->top, view->selected)->site;
	else if (view->mode == TOP_STACK)
		view->mode = TOP_TABLE;
}

static void dump(struct screen *screen)
{
	struct error error;
	char path[PATH_MAX];
	struct top_view *view = &screen->view;
	if (snapshot_write(screen->top->target, path, sizeof(path), &error))
		snprintf(view->message, sizeof(view->message), "wrote %.1000s", path);
	else
		snprintf(view->message, sizeof(view->message), "%s", error.message);
}

static void begin_typing(struct top_view *view, const char *filter)
{
	view->is_typing = true;
	snprintf(view->typed, sizeof(view->typed), "%s", filter);
}

static void end_typing(struct screen *screen)
{
	struct error error;
	screen->view.is_typing = false;
	if (filter_set(&screen->top->filter, screen->view.typed, &error))
		arrange(screen);
	else
		snprintf(screen->view.message, sizeof(screen->view.message), "%s", error.message);
}

static void erase_character(char *typed)
{
	size_t length = strlen(typed);
	while (length > 0 && ((unsigned char)typed[--length] & 0xc0) == 0x80)
		;
	typed[length] = 0;
}

static void type(struct screen *screen, wint_t key, bool is_character)
{
	char *typed = screen->view.typed, bytes[MB_LEN_MAX];
	mbstate_t state = { 0 };
	size_t length = strlen(typed), num_bytes;
	if (key == '\n' || key == '\r' || key == KEY_ENTER) {
		end_typing(screen);
	} else if (key == ESCAPE) {
		screen->view.is_typing = false;
	} else if (key == KEY_BACKSPACE || key == 127 || key == '\b') {
		erase_character(typed);
	} else if (key == 'U' - '@') { // control and u
		*typed = 0;
	} else if (is_character && key >= ' ') {
		num_bytes = wcrtomb(bytes, (wchar_t)key, &state);
		if (num_bytes < sizeof(screen->view.typed) - length) {
			memcpy(typed + length, bytes, num_bytes);
			typed[length + num_bytes] = 0;
		}
	}
}

static void sort_by(struct screen *screen, enum board_column column)
{
	screen->top->sort = column;
	arrange(screen);
}

static bool sort_by_key(struct screen *screen, wint_t key)
{
	for (int i = 0; i < BOARD_NUM_COLUMNS; i++) {
		if (key != (wint_t)column_get((enum board_column)i)->key)
			continue;
		sort_by(screen, (enum board_column)i);
		return true;
	}
	return false;
}

static void obey(struct screen *screen, wint_t key)
{
	struct top_view *view = &screen->view;
	struct top *top = screen->top;
	uint32_t page = top_draw_get_height();
	view->message[0] = 0;
	switch (key) {
	case 'q': case 'Q': screen->is_over = true; break;
	case 'h': case '?': set_mode(screen, TOP_HELP); break;
	case '\n': case '\r': case KEY_ENTER: set_mode(screen, view->mode == TOP_TABLE ? TOP_STACK : view->mode); break;
	case ESCAPE: set_mode(screen, view->mode); break;
	case ' ': view->is_paused = !view->is_paused; break;
	case '/': begin_typing(view, top->filter.pattern); break;
	case 'r': board_reset_baseline(&top->board); arrange(screen); break;
	case 'd': dump(screen); break;
	case '<': case KEY_LEFT: sort_by(screen, (top->sort + BOARD_NUM_COLUMNS - 1) % BOARD_NUM_COLUMNS); break;
	case '>': case KEY_RIGHT: sort_by(screen, (top->sort + 1) % BOARD_NUM_COLUMNS); break;
	case 'k': case KEY_UP: move_by(screen, -1); break;
	case 'j': case KEY_DOWN: move_by(screen, 1); break;
	case KEY_PPAGE: move_by(screen, -(int64_t)page); break;
	case KEY_NPAGE: move_by(screen, page); break;
	case KEY_HOME: move_by(screen, -(int64_t)UINT32_MAX); break;
	case KEY_END: move_by(screen, UINT32_MAX); break;
	case 'L' - '@': clearok(curscr, TRUE); break;
	default: sort_by_key(screen, key);
	}
}

static void obey_keys(struct screen *screen)
{
	wint_t key;
	for (int kind; (kind = get_wch(&key)) != ERR && !screen->is_over;) {
		if (kind == KEY_CODE_YES && key == KEY_RESIZE)
			continue; // drawing is next anyhow
		if (screen->view.is_typing)
			type(screen, key, kind == OK);
		else
			obey(screen, key);
	}
}

// Until there is a key, a signal, or it is time.
static void wait(struct screen *screen)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	bool is_live = !screen->view.is_paused && !screen->top->has_ended;
	int64_t left_ns = screen->next_refresh_ns - now_ns();
	left_ns = left_ns > 0 ? left_ns : 0;
	struct timespec timeout = { left_ns / 1000000000, left_ns % 1000000000 };
	ppoll(&input, 1, is_live ? &timeout : NULL, &screen->unblocked);
	if (input.revents & (POLLERR | POLLNVAL | POLLHUP))
		screen->is_over = true; // the terminal is gone
	if (was_continued) { // a shell may have used the terminal
		was_continued = 0;
		reset_prog_mode();
		clearok(curscr, TRUE);
	}
}

static void run(struct screen *screen)
{
	while (!screen->is_over && !ending_signal) {
		bool is_live = !screen->view.is_paused && !screen->top->has_ended;
		if (is_live && now_ns() >= screen->next_refresh_ns)
			refresh_state(screen);
		top_draw(screen->top, &screen->view);
		wait(screen);
		obey_keys(screen);
	}
}

int top_screen_run(struct top *top, const struct top_options *options)
{
	struct error error;
	struct screen screen = { .top = top, .interval_ns = options->interval_ns,
				 .next_refresh_ns = now_ns() + options->interval_ns };
	set_escdelay(ESCAPE_DELAY_MS);
	SCREEN *terminal = newterm(NULL, stdout, stdin);
	if (!terminal) {
		error_set(&error, "TERM=%s: not a terminal that can be drawn on", getenv("TERM"));
		return command_fail(&error);
	}
	catch_signals(&screen);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	run(&screen);
	endwin();
	delscreen(terminal);
	if (ending_signal) { // as if it had not been caught
		sigprocmask(SIG_SETMASK, &screen.unblocked, NULL);
		signal(ending_signal, SIG_DFL);
		raise(ending_signal);
	}
	return COMMAND_DONE;
}
