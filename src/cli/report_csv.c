// SPDX-License-Identifier: Apache-2.0
// `cairn report --csv` and `--folded`.  OUTSIDE.
#include "cli/report.h"

#include <inttypes.h>

#include "report/field.h"
#include "report/folded.h"

static void print_type(FILE *to, const struct view *view)
{
	putc(',', to);
	field_print_text(to, view->types[view->type].type);
	putc(',', to);
	field_print_text(to, view->types[view->type].unit);
}

static void print_functions(FILE *to, const struct report *report)
{
	struct ranking ranking;
	ranking_init(&ranking, report->view, report->order);
	fputs("function,file,line,binary,type,unit,flat,flat_standard_error,cum,cum_standard_error\n", to);
	for (uint32_t i = 0; i < ranking.num_rows && i < report->num_functions; i++) {
		const struct ranking_row *row = &ranking.rows[i];
		const struct view_frame *frame = &report->view->frames[row->frame];
		field_print_text(to, frame->name);
		putc(',', to);
		field_print_text(to, frame->file);
		fprintf(to, ",%" PRId64 ",", frame->line);
		field_print_text(to, frame->binary);
		print_type(to, report->view);
		putc(',', to);
		field_print_value(to, row->flat, row->flat_error);
		putc(',', to);
		field_print_value(to, row->cum, row->cum_error);
		putc('\n', to);
	}
	ranking_deinit(&ranking);
}

static void print_by_label(FILE *to, const struct report *report)
{
	fputs("label,label_unit,type,unit,value,standard_error\n", to);
	for (size_t i = 0; i < report->by_label.num_rows; i++) {
		const struct by_label_row *row = &report->by_label.rows[i];
		if (row->string)
			field_print_text(to, row->string);
		else if (row->has_label)
			fprintf(to, "%" PRId64, row->number);
		putc(',', to);
		field_print_text(to, row->has_label ? row->unit : "");
		print_type(to, report->view);
		putc(',', to);
		field_print_value(to, row->value, row->error);
		putc('\n', to);
	}
}

void report_print_csv(FILE *to, const struct report *report)
{
	if (report->label)
		print_by_label(to, report);
	else
		print_functions(to, report);
}

void report_print_folded(FILE *to, const struct report *report)
{
	struct stacks stacks;
	stacks_init(&stacks, report->view);
	folded_write(to, report->view, &stacks);
	stacks_deinit(&stacks);
}
