// SPDX-License-Identifier: Apache-2.0
// Data: what a page shows, as JSON.  OUTSIDE.
//
// Names are written by jansson; the long arrays of numbers would take 40 bytes for each as its objects.
#include "flame/data.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "report/field.h"

// "<" stands in strings only, and all that a script's end, or a comment in one, begins with is "<".
static int write_escaped(const char *bytes, size_t num_bytes, void *context)
{
	FILE *to = context;
	for (size_t i = 0; i < num_bytes; i++)
		if (bytes[i] == '<')
			fputs("\\u003c", to);
		else
			fputc(bytes[i], to);
	return 0;
}

// With the comma that comes after it.
static void write_member(FILE *to, const char *name, json_t *value)
{
	fprintf(to, "\"%s\":", name);
	json_dump_callback(value, write_escaped, to, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
	fputs(",", to);
	json_decref(value);
}

static json_t *make_sides(const struct flame_page *page)
{
	json_t *sides = json_array();
	for (uint32_t i = 0; i < page->view->store->num_sides; i++) {
		const struct store_side *side = &page->view->store->sides[i];
		json_array_append_new(sides, json_pack("{s:o, s:I, s:I}", "name", field_json_text(page->side_names[i]), "time_ms",
						       (json_int_t)(side->time_ns / 1000000), "duration_ms",
						       (json_int_t)(side->duration_ns / 1000000)));
	}
	return sides;
}

static json_t *make_type(const struct profile_type *type)
{
	return json_pack("[o, o]", field_json_text(type->type), field_json_text(type->unit));
}

static json_t *make_types(const struct view *view)
{
	json_t *types = json_array();
	for (size_t i = 0; i < view->num_types; i++)
		json_array_append_new(types, make_type(&view->types[i]));
	return types;
}

static json_t *make_about(const struct flame_page *page)
{
	const struct view *view = page->view;
	json_t *filters = json_array(), *whole = json_array();
	for (size_t i = 0; i < page->num_filters; i++)
		json_array_append_new(filters, field_json_text(page->filters[i]));
	for (size_t i = 0; i < view->store->num_sides * view->num_types; i++)
		json_array_append_new(whole, json_integer(view->whole_totals[i]));
	return json_pack("{s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:o}", "title", field_json_text(page->title), "sides", make_sides(page),
			 "types", make_types(view), "type", (json_int_t)view->type, "period", (json_int_t)view->store->period,
			 "period_type", make_type(&view->store->period_type), "filters", filters, "whole", whole);
}

// The number of a string in an array in which each is once.
struct numbered {
	UT_hash_handle hh;
	const char *string;
	size_t number;
};

static size_t number_of(struct numbered **table, json_t *strings, const char *string)
{
	struct numbered *found;
	HASH_FIND(hh, *table, string, strlen(string), found);
	if (found)
		return found->number;
	found = memory_get(1, sizeof(*found));
	found->string = string;
	found->number = json_array_size(strings);
	HASH_ADD_KEYPTR(hh, *table, string, strlen(string), found);
	json_array_append_new(strings, field_json_text(string));
	return found->number;
}

static void destroy_numbered(struct numbered *table)
{
	struct numbered *each = table, *next;
	HASH_CLEAR(hh, table); // leaves the elements and their chain
	for (; each; each = next) {
		next = each->hh.next;
		free(each);
	}
}

static void write_frames(FILE *to, const struct flame_tree *tree)
{
	struct numbered *table = NULL;
	json_t *strings = json_array(), *names = json_array();
	json_t *files = json_array(), *lines = json_array(), *binaries = json_array();
	for (size_t i = 0; i < tree->num_frames; i++) {
		const struct view_frame *frame = tree->frames[i];
		json_array_append_new(names, field_json_text(frame->name));
		json_array_append_new(files, json_integer((json_int_t)number_of(&table, strings, frame->file)));
		json_array_append_new(lines, json_integer(frame->line));
		json_array_append_new(binaries, json_integer((json_int_t)number_of(&table, strings, frame->binary)));
	}
	destroy_numbered(table);
	write_member(to, "strings", strings);
	write_member(to, "names", names);
	write_member(to, "files", files);
	write_member(to, "lines", lines);
	write_member(to, "binaries", binaries);
}

static void write_nodes(FILE *to, const struct flame_tree *tree)
{
	fputs("\"depths\":[0", to);
	for (size_t i = 1; i < tree->num_nodes; i++)
		fprintf(to, ",%" PRIu32, tree->depths[i]);
	fputs("],\"frames\":[-1", to);
	for (size_t i = 1; i < tree->num_nodes; i++)
		fprintf(to, ",%" PRIu32, tree->node_frames[i]);
	fputs("],\"stacks\":[", to);
	for (size_t i = 0; i < tree->num_stacks; i++)
		fprintf(to, "%s%zu", i ? "," : "", tree->stack_nodes[i]);
	fputs("]", to);
}

static void write_values(FILE *to, const struct flame_tree *tree, size_t column)
{
	fputs("[", to);
	for (size_t i = 0; i < tree->num_stacks; i++)
		fprintf(to, "%s%" PRId64, i ? "," : "", tree->stacks[i]->values[column]);
	fputs("]", to);
}

static bool is_exact(const struct flame_tree *tree, size_t column)
{
	for (size_t i = 0; i < tree->num_stacks; i++)
		if (tree->stacks[i]->variances[column] != 0)
			return false;
	return true;
}

// Three digits: nobody can tell an error of an error.
static void write_variances(FILE *to, const struct flame_tree *tree, size_t column)
{
	if (is_exact(tree, column)) {
		fputs("null", to);
		return;
	}
	fputs("[", to);
	for (size_t i = 0; i < tree->num_stacks; i++) {
		double variance = tree->stacks[i]->variances[column];
		fputs(i ? "," : "", to);
		if (isfinite(variance))
			fprintf(to, "%.3g", variance);
		else
			fputs("null", to);
	}
	fputs("]", to);
}

void flame_data_write(FILE *to, const struct flame_page *page, const struct flame_tree *tree)
{
	size_t num_columns = page->view->store->num_sides * page->view->num_types;
	fputs("{", to);
	write_member(to, "about", make_about(page));
	write_frames(to, tree);
	write_nodes(to, tree);
	fputs(",\"values\":[", to);
	for (size_t column = 0; column < num_columns; column++) {
		fputs(column ? "," : "", to);
		write_values(to, tree, column);
	}
	fputs("],\"variances\":[", to);
	for (size_t column = 0; column < num_columns; column++) {
		fputs(column ? "," : "", to);
		write_variances(to, tree, column);
	}
	fputs("]}", to);
}
