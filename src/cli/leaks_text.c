// SPDX-License-Identifier: Apache-2.0
// `cairn leaks` for people, in words that users of valgrind know.  OUTSIDE.
#include "cli/leaks_result.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/command.h"
#include "report/printable.h"
#include "report/units.h"

#define LIMIT_RATES 6.9 // exp(-6.9) is 1 in 1,000
#define MAX_NAME_COLUMNS 60   // behind which places of frames are not aligned
#define MAX_PROCESSES 10      // that are named
#define MAX_STRING_COLUMNS 200

static const char *const kind_words[LEAK_NUM_KINDS] = {
	[LEAK_DEFINITE] = "definitely lost",
	[LEAK_INDIRECT] = "indirectly lost",
	[LEAK_REACHABLE] = "still reachable",
	[LEAK_UNKNOWN] = "not judged",
};

// "1,000", "4,096 ±812".
static void add_number(struct text *text, int64_t value, double error)
{
	units_add_count(text, value > 0 ? (uint64_t)value : 0);
	if (!(error > 0))
		return;
	text_add(text, " ");
	text_add(text, units_plus_minus());
	units_add_count(text, error < 1e18 ? (uint64_t)(error + 0.5) : UINT64_C(1000000000000000000));
}

// "1,000 bytes in 1 block".
static void add_value(struct text *text, const struct leak_value *value)
{
	add_number(text, value->bytes, value->bytes_error);
	text_add(text, value->bytes == 1 ? " byte in " : " bytes in ");
	add_number(text, value->objects, value->objects_error);
	text_add(text, value->objects == 1 ? " block" : " blocks");
}

void leaks_add_loss(struct text *text, const struct leak_row *row)
{
	bool has_more = row->kind == LEAK_DEFINITE && row->with.objects;
	const struct leak_value whole = has_more ? verdict_add(&row->value, &row->with) : row->value;
	add_value(text, &whole);
	text_add(text, whole.bytes == 1 && whole.objects == 1 ? " is " : " are ");
	text_add(text, row->kind == LEAK_UNKNOWN ? "live, and " : "");
	text_add(text, kind_words[row->kind]);
	if (!has_more)
		return;
	text_add(text, " (");
	add_number(text, row->value.bytes, row->value.bytes_error);
	text_add(text, " direct, ");
	add_number(text, row->with.bytes, row->with.bytes_error);
	text_add(text, " indirect)");
}

static void add_tolerated(struct text *text, const struct leaks_result *result)
{
	add_value(text, &result->lost);
	text_add(text, " lost, and ");
	units_add_count(text, (uint64_t)result->request->max_bytes);
	text_add(text, " bytes may be (--max-bytes)");
}

static bool is_all_counted(const struct leaks_result *result)
{
	return result->request->counts_kind[LEAK_DEFINITE] && result->request->counts_kind[LEAK_INDIRECT];
}

// A block of b bytes is sampled with a probability of 1 - exp(-b/rate), and so is any number of bytes in several.
static void add_limit(struct text *text, const struct leaks_result *result)
{
	if (result->rate_bytes <= 1)
		return;
	text_add(text, " (a leak of less than about ");
	units_add_bytes(text, LIMIT_RATES * (double)result->rate_bytes);
	text_add(text, " need not be among the samples)");
}

void leaks_add_answer(struct text *text, const struct leaks_result *result)
{
	switch (result->answer) {
	case LEAKS_FOUND:
		text_add(text, "LEAK: ");
		add_value(text, &result->lost);
		text_add(text, result->request->counts_kind[LEAK_REACHABLE] ? " not freed in " : " lost in ");
		units_add_count(text, result->num_lost_rows);
		text_add(text, result->num_lost_rows == 1 ? " stack" : " stacks");
		if (result->request->max_bytes) {
			text_add(text, ", and only ");
			units_add_count(text, (uint64_t)result->request->max_bytes);
			text_add(text, " bytes may be (--max-bytes)");
		}
		break;
	case LEAKS_UNTOLD:
		text_add(text, "could not tell: ");
		text_add(text, result->doubt);
		break;
	case LEAKS_CLEAN:
		text_add(text, "clean: ");
		if (result->num_lost_rows)
			add_tolerated(text, result);
		else
			text_add(text, is_all_counted(result) ? "nothing is lost" : "nothing of the kinds that count is lost");
		add_limit(text, result);
	}
}

static size_t width_of(const char *string)
{
	size_t width = units_width(string);
	return width < MAX_NAME_COLUMNS ? width : MAX_NAME_COLUMNS;
}

// What calls main() is the same everywhere.
static uint32_t num_shown(const struct leaks_result *result, const struct leak_row *row)
{
	for (uint32_t i = row->num_frames; i > 1 && !result->request->viewing.request.keeps_dropped; i--)
		if (strcmp(result->view->frames[row->frames[i - 1]].name, "main") == 0)
			return i;
	return row->num_frames;
}

void leaks_print_stack(FILE *to, const struct leaks_result *result, const struct leak_row *row, const char *indent,
		       void (*add)(struct text *text, const char *string))
{
	const struct view_frame *frames = result->view->frames;
	uint32_t num_frames = num_shown(result, row);
	char **names = memory_get(num_frames, sizeof(*names));
	size_t widest = 0;
	for (uint32_t i = 0; i < num_frames; i++) {
		names[i] = printable_create(frames[row->frames[i]].name, add);
		widest = width_of(names[i]) > widest ? width_of(names[i]) : widest;
	}
	for (uint32_t i = 0; i < num_frames; i++) {
		const struct view_frame *frame = &frames[row->frames[i]];
		const char *file = text_base_name(*frame->file ? frame->file : frame->is_named ? frame->binary : "");
		char *place = printable_create(file, add);
		int gap = *place ? (int)(widest - width_of(names[i])) + 2 : 0;
		fprintf(to, "%s%s%*s%s%s%s", indent, names[i], gap, "", *frame->file || !*place ? "" : "(", place,
			*frame->file || !*place ? "" : ")");
		if (*frame->file && frame->line > 0)
			fprintf(to, ":%" PRId64, frame->line);
		putc('\n', to);
		free(place);
		free(names[i]);
	}
	if (!row->num_frames)
		fprintf(to, "%s[no stack]\n", indent);
	free(names);
}

static void print_processes(FILE *to, const struct leaks_result *result)
{
	size_t num_printed = 0, num_more = 0;
	bool is_verbose = result->request->is_verbose;
	for (size_t i = 0; i < result->num_processes; i++) {
		const struct leaks_process *process = &result->processes[i];
		char storage[2048];
		struct text line = TEXT_ON(storage);
		if (process->state == LEAKS_JUDGED && !process->why && !is_verbose)
			continue;
		if (num_printed == MAX_PROCESSES && !is_verbose) {
			num_more++;
			continue;
		}
		num_printed++;
		printable_add_cut(&line, process->program, MAX_STRING_COLUMNS);
		text_add(&line, " (");
		text_add_number(&line, (uint64_t)process->pid);
		text_add(&line, process->state == LEAKS_JUDGED ? ") judged" : ") not judged");
		text_add(&line, process->why ? ": " : "");
		printable_add(&line, process->why ? process->why : "");
		fprintf(to, "  %s\n", storage);
	}
	if (num_more)
		fprintf(to, "  (%zu more; -v shows all)\n", num_more);
	if (num_printed)
		putc('\n', to);
}

// "cairn: leaks of ./server (3 processes judged, 1 not; every allocation recorded)".
static void print_heading(FILE *to, const struct leaks_result *result)
{
	char storage[1024];
	struct text line = TEXT_ON(storage);
	size_t num_judged = result->num_in_state[LEAKS_JUDGED], num_others = result->num_processes - num_judged;
	printable_add_cut(&line, result->subject, MAX_STRING_COLUMNS);
	if (result->pid) {
		text_add(&line, ", process ");
		text_add_number(&line, (uint64_t)result->pid);
	}
	text_add(&line, " (");
	if (result->request->argv) {
		units_add_count(&line, num_judged);
		text_add(&line, num_judged == 1 ? " process judged" : " processes judged");
		if (num_others) {
			text_add(&line, ", ");
			units_add_count(&line, num_others);
			text_add(&line, " not");
		}
		text_add(&line, "; ");
	} else if (result->pause_ns >= 0) {
		text_add(&line, "stopped for ");
		units_add_time_estimate(&line, (double)result->pause_ns, UNITS_EXACT);
		text_add(&line, "; ");
	}
	if (result->store->period > 1) {
		text_add(&line, "one sample in ");
		text_add_size(&line, (uint64_t)result->store->period);
	} else {
		text_add(&line, result->store->num_types ? "every allocation recorded" : "nothing recorded");
	}
	fprintf(to, "cairn: leaks of %s)\n\n", storage);
}

static bool is_shown(const struct leaks_result *result, const struct leak_row *row)
{
	if (!leaks_result_is_own(result, row) && !result->request->is_verbose)
		return false;
	return leaks_result_counts(result, row) || row->kind == LEAK_UNKNOWN || row->kind == LEAK_DEFINITE ||
	       (row->kind == LEAK_REACHABLE && result->request->shows_reachable);
}

static void print_rows(FILE *to, const struct leaks_result *result)
{
	size_t num_printed = 0, num_more = 0;
	bool has_colour = command_may_colour(to);
	for (size_t i = 0; i < result->verdict.num_rows; i++) {
		const struct leak_row *row = &result->verdict.rows[i];
		char storage[256];
		struct text line = TEXT_ON(storage);
		if (!is_shown(result, row))
			continue;
		if (num_printed == result->request->max_rows) {
			num_more++;
			continue;
		}
		num_printed++;
		leaks_add_loss(&line, row);
		bool is_red = has_colour && leaks_result_counts(result, row);
		fprintf(to, "%s%s%s\n", is_red ? "\033[1;31m" : "", storage, is_red ? "\033[0m" : "");
		leaks_print_stack(to, result, row, "    ", printable_add);
		putc('\n', to);
	}
	if (num_more)
		fprintf(to, "(%zu more %s; --top 0 shows all)\n\n", num_more, num_more == 1 ? "stack" : "stacks");
}

#define NUM_SUMMARY_ROWS (LEAK_NUM_KINDS + 1)
#define LABEL_COLUMNS 18

struct summary_row {
	const char *label;
	char cells[2][64]; // bytes, blocks
};

static void fill_in(struct summary_row *row, const char *label, const struct leak_value *value)
{
	struct text bytes = TEXT_ON(row->cells[0]), blocks = TEXT_ON(row->cells[1]);
	row->label = label;
	add_number(&bytes, value->bytes, value->bytes_error);
	add_number(&blocks, value->objects, value->objects_error);
}

static void put_right(FILE *to, const char *string, size_t num_columns)
{
	size_t width = units_width(string);
	fprintf(to, "%*s%s", (int)(width < num_columns ? num_columns - width : 0), "", string);
}

// A rule of cairn's own has hidden something.
static bool is_own_used(const struct leaks_result *result)
{
	size_t num_used;
	const struct leak_rule_use *used = leak_rules_get_used(result->rules, &num_used);
	for (size_t i = 0; i < num_used; i++)
		if (!used[i].file)
			return true;
	return false;
}

static void print_summary(FILE *to, const struct leaks_result *result)
{
	struct summary_row rows[NUM_SUMMARY_ROWS];
	size_t widths[2] = { strlen("bytes"), strlen("blocks") };
	size_t num_rows = 0;
	for (int kind = 0; kind < LEAK_NUM_KINDS; kind++)
		fill_in(&rows[num_rows++], kind_words[kind], &result->verdict.kinds[kind]);
	if (result->hidden.objects || result->hidden.bytes)
		fill_in(&rows[num_rows++], "hidden by rules", &result->hidden);
	for (size_t i = 0; i < num_rows; i++)
		for (int j = 0; j < 2; j++)
			widths[j] = units_width(rows[i].cells[j]) > widths[j] ? units_width(rows[i].cells[j]) : widths[j];
	fprintf(to, "LEAK SUMMARY:\n%*s", LABEL_COLUMNS, "");
	put_right(to, "bytes", widths[0] + 2);
	put_right(to, "blocks", widths[1] + 4);
	putc('\n', to);
	for (size_t i = 0; i < num_rows; i++) {
		put_right(to, rows[i].label, LABEL_COLUMNS - 1);
		putc(':', to);
		put_right(to, rows[i].cells[0], widths[0] + 2);
		put_right(to, rows[i].cells[1], widths[1] + 4);
		fputs(i < LEAK_NUM_KINDS ? "\n" : is_own_used(result) ? "   (--show-all shows them; -v lists the rules)\n" :
									   "   (-v lists the rules)\n", to);
	}
}

static void print_rules(FILE *to, const struct leaks_result *result)
{
	size_t num_used, num_unused = leak_rules_get_num_unused(result->rules);
	const struct leak_rule_use *used = leak_rules_get_used(result->rules, &num_used);
	for (size_t i = 0; i < num_used && result->request->is_verbose; i++) {
		char storage[1024];
		struct text line = TEXT_ON(storage);
		add_value(&line, &(struct leak_value){ used[i].objects, used[i].bytes, -1, -1 });
		text_add(&line, " hidden by ");
		printable_add_cut(&line, used[i].name, MAX_STRING_COLUMNS);
		if (used[i].file) {
			text_add(&line, " (");
			printable_add_cut(&line, used[i].file, MAX_STRING_COLUMNS);
			text_add(&line, ":");
			text_add_number(&line, used[i].line);
			text_add(&line, ")");
		}
		fprintf(to, "%s%s\n", i ? "" : "\n", storage);
	}
	if (num_unused)
		fprintf(to, "\n%zu %s of the suppression files matched nothing\n", num_unused, num_unused == 1 ? "rule" : "rules");
}

void leaks_add_failure(struct text *text, const struct leaks_result *result)
{
	text_add(text, result->program_signal ? "the program was ended by signal " : "the program failed with status ");
	text_add_number(text, (uint64_t)(result->program_signal ? result->program_signal : result->program_status));
	if (!result->program_signal)
		return;
	text_add(text, " (");
	text_add(text, strsignal(result->program_signal));
	text_add(text, ")");
}

// What is to be known of the answer.
static void print_notes(FILE *to, const struct leaks_result *result)
{
	int64_t left_out = result->view ? result->view->whole_totals[result->view->type] - result->view->totals[result->view->type] : 0;
	if (left_out) {
		char storage[64];
		struct text bytes = TEXT_ON(storage);
		units_add_count(&bytes, (uint64_t)left_out);
		fprintf(to, "\n--focus and --ignore leave out %s bytes.\n", storage);
	}
	if (result->num_left)
		fprintf(to, "\n%zu %s of the program still %s; what was lost there is not counted.\n", result->num_left,
			result->num_left == 1 ? "process" : "processes", result->num_left == 1 ? "runs" : "run");
	if (result->has_foreign_allocator)
		fputs("\nThe blocks are not glibc's malloc's.  What another malloc keeps for itself, freed blocks too, counts as the\n"
		      "program's, so what was lost last may show as reachable.\n", to);
}

void leaks_print_text(FILE *to, const struct leaks_result *result)
{
	char storage[2048];
	struct text answer = TEXT_ON(storage);
	print_heading(to, result);
	print_processes(to, result);
	print_rows(to, result);
	print_summary(to, result);
	print_rules(to, result);
	print_notes(to, result);
	leaks_add_answer(&answer, result);
	fprintf(to, "\ncairn: %s\n", storage);
	if (!result->program_status)
		return;
	struct text failure = TEXT_ON(storage);
	leaks_add_failure(&failure, result);
	fprintf(to, "cairn: %s%s\n", storage, result->answer == LEAKS_CLEAN ? ", and that is passed on" : "");
}
