// SPDX-License-Identifier: Apache-2.0
// Dot: a call graph in DOT, graphviz's language.  OUTSIDE.
#include "report/dot.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "base/sums.h"
#include "report/graph_name.h"
#include "report/quantity.h"
#include "report/units.h"

#define NUMBER_BYTES 128

// The common parts of one picture.
struct writing {
	FILE *file;
	const struct view *view;
	const struct call_graph *graph;
	const char *unit;
	double total; // of the whole profile, what 100 % are; 0: no percentages
};

static void write_estimate(const struct writing *writing, double value)
{
	char storage[NUMBER_BYTES];
	struct text text = TEXT_ON(storage);
	quantity_add(&text, writing->unit, value, UNITS_EXACT);
	graph_name_write(writing->file, storage);
}

static void write_value(const struct writing *writing, int64_t value)
{
	write_estimate(writing, (double)value);
}

static void write_count(const struct writing *writing, uint64_t count)
{
	char storage[NUMBER_BYTES] = "";
	struct text text = TEXT_ON(storage);
	units_add_count(&text, count);
	fputs(storage, writing->file);
}

static void write_exact(const struct writing *writing, int64_t value)
{
	if (value < 0)
		putc('-', writing->file);
	write_count(writing, sums_size(value));
	if (strcmp(writing->unit, "count") == 0)
		return;
	putc(' ', writing->file);
	graph_name_write(writing->file, writing->unit);
}

static void write_value_and_share(const struct writing *writing, int64_t value)
{
	write_value(writing, value);
	if (!writing->total)
		return;
	double percent = 100 * (double)value / writing->total, size = fabs(percent);
	fprintf(writing->file, " (%.*f %%)", size < 0.995 ? 2 : size < 9.95 ? 1 : 0, percent);
}

struct colour {
	unsigned char red, green, blue;
};

// From grey (0) to red (1) or green (-1), the sooner the smaller the number (google/pprof, dotColor).
static struct colour mix_colour(double score, double saturation, double brightness)
{
	score = fmax(-1, fmin(1, score));
	if (fabs(score) < 0.2)
		saturation *= fabs(score) / 0.2;
	double full = 255 * brightness, shift = pow(fabs(score), 0.3);
	unsigned char shifted = (unsigned char)(full * (1 - saturation * shift));
	unsigned char blue = (unsigned char)(full * (1 - saturation));
	if (score < 0)
		return (struct colour){ shifted, (unsigned char)full, blue };
	return (struct colour){ (unsigned char)full, shifted, blue };
}

static void write_colour(const struct writing *writing, const char *attribute, int64_t value, double saturation, double brightness)
{
	struct colour colour = mix_colour(writing->total ? (double)value / writing->total : 0, saturation, brightness);
	fprintf(writing->file, " %s=\"#%02x%02x%02x\"", attribute, colour.red, colour.green, colour.blue);
}

static void write_line_colour(const struct writing *writing, int64_t value)
{
	write_colour(writing, "color", value, 1, 0.7);
}

static const struct view_frame *frame_of(const struct writing *writing, uint32_t node)
{
	return &writing->view->frames[writing->graph->nodes[node].frame];
}

static void write_line_number(const struct writing *writing, const struct view_frame *frame)
{
	if (frame->line)
		fprintf(writing->file, ":%" PRId64, frame->line);
}

static void write_label(const struct writing *writing, const struct call_graph_node *node)
{
	const struct view_frame *frame = &writing->view->frames[node->frame];
	graph_name_write_label(writing->file, frame->name);
	if (frame->line) {
		graph_name_write(writing->file, text_base_name(frame->file));
		write_line_number(writing, frame);
		fputs("\\n", writing->file);
	}
	if (node->flat)
		write_value_and_share(writing, node->flat);
	else
		putc('0', writing->file);
	if (node->cum == node->flat)
		return;
	fputs(node->flat ? "\\nof " : " of ", writing->file);
	write_value_and_share(writing, node->cum);
}

static void write_tooltip(const struct writing *writing, const struct call_graph_node *node)
{
	const struct view_frame *frame = &writing->view->frames[node->frame];
	graph_name_write(writing->file, frame->name);
	if (*frame->file) {
		fputs("\\n", writing->file);
		graph_name_write(writing->file, frame->file);
		write_line_number(writing, frame);
	}
	fputs("\\nitself ", writing->file);
	write_exact(writing, node->flat);
	fputs("\\nwith what it calls ", writing->file);
	write_exact(writing, node->cum);
}

// From 8 to 24 points.
static int size_of_font(int64_t flat, double largest_flat)
{
	return 8 + (largest_flat > 0 ? (int)ceil(16 * sqrt(fabs((double)flat) / largest_flat)) : 0);
}

static void write_node(const struct writing *writing, uint32_t number, double largest_flat)
{
	const struct call_graph_node *node = &writing->graph->nodes[number];
	fprintf(writing->file, "N%" PRIu32 " [id=\"node%" PRIu32 "\" label=\"", number + 1, number + 1);
	write_label(writing, node);
	fputs("\" tooltip=\"", writing->file);
	write_tooltip(writing, node);
	fprintf(writing->file, "\" fontsize=%d", size_of_font(node->flat, largest_flat));
	write_line_colour(writing, node->cum);
	write_colour(writing, "fillcolor", node->cum, 0.1, 0.93);
	fputs("]\n", writing->file);
}

static void write_nodes(const struct writing *writing)
{
	double largest_flat = 0;
	for (uint32_t i = 0; i < writing->graph->num_nodes; i++)
		largest_flat = fmax(largest_flat, fabs((double)writing->graph->nodes[i].flat));
	for (uint32_t i = 0; i < writing->graph->num_nodes; i++)
		write_node(writing, i, largest_flat);
}

static void write_edge_tooltip(const struct writing *writing, const char *attribute, const struct call_graph_edge *edge)
{
	fprintf(writing->file, " %s=\"", attribute);
	graph_name_write(writing->file, frame_of(writing, edge->caller)->name);
	fputs(edge->is_residual ? " ...\\n" : " ->\\n", writing->file);
	graph_name_write(writing->file, frame_of(writing, edge->callee)->name);
	fputs("\\n", writing->file);
	write_exact(writing, edge->weight);
	putc('"', writing->file);
}

static void write_edge(const struct writing *writing, const struct call_graph_edge *edge)
{
	double share = writing->total ? fmin(1, fabs((double)edge->weight) / writing->total) : 0;
	fprintf(writing->file, "N%" PRIu32 " -> N%" PRIu32 " [label=\"  ", edge->caller + 1, edge->callee + 1);
	write_value(writing, edge->weight);
	putc('"', writing->file);
	write_edge_tooltip(writing, "tooltip", edge);
	write_edge_tooltip(writing, "labeltooltip", edge);
	fprintf(writing->file, " weight=%d penwidth=%.2f", 1 + (int)(100 * share), 1 + 5 * share);
	write_line_colour(writing, edge->weight);
	fputs(edge->is_residual ? " style=dotted]\n" : "]\n", writing->file);
}

static const char *program_of(const struct view *view)
{
	if (!view->store->places.num_mappings)
		return "";
	return text_base_name(places_get_mapping(&view->store->places, 1).path);
}

static void write_time(const struct writing *writing, int64_t time_ns)
{
	time_t seconds = (time_t)(time_ns / 1000000000);
	struct tm broken_down;
	char storage[NUMBER_BYTES];
	if (time_ns <= 0 || !gmtime_r(&seconds, &broken_down))
		return;
	strftime(storage, sizeof(storage), "Time: %Y-%m-%d %H:%M:%S UTC\\l", &broken_down);
	fputs(storage, writing->file);
}

// The standard error without units_plus_minus(), which depends on the locale.
static void write_total(const struct writing *writing)
{
	const struct view *view = writing->view;
	double standard_error = view_total_error(view, 0);
	fputs("Total: ", writing->file);
	write_value(writing, view->totals[view->type]);
	if (standard_error > 0) { // neither exact nor unknown
		fputs(" ± ", writing->file);
		write_estimate(writing, standard_error);
	}
	if (view->totals[view->type] != view->whole_totals[view->type]) {
		fputs(" of the profile's ", writing->file);
		write_value(writing, view->whole_totals[view->type]);
	}
	fputs("\\l", writing->file);
}

static void write_left_out(const struct writing *writing, uint64_t number, const char *what, int64_t smallest)
{
	if (!number)
		return;
	fputs("Left out: ", writing->file);
	write_count(writing, number);
	fprintf(writing->file, " %s%s", what, number == 1 ? "" : "s");
	if (smallest) {
		fputs(" below ", writing->file);
		write_value(writing, smallest);
	}
	fputs("\\l", writing->file);
}

static void write_shown(const struct writing *writing)
{
	const struct call_graph *graph = writing->graph;
	int64_t shown = 0;
	bool has_residual = false;
	for (uint32_t i = 0; i < graph->num_nodes; i++)
		shown = sums_add(shown, graph->nodes[i].flat);
	for (size_t i = 0; i < graph->num_edges; i++)
		has_residual |= graph->edges[i].is_residual;
	fputs("Shown: ", writing->file);
	write_value_and_share(writing, shown);
	fputs("\\l", writing->file);
	write_left_out(writing, graph->num_small_nodes, "function", graph->smallest_node);
	write_left_out(writing, graph->num_more_nodes, "more function", 0);
	write_left_out(writing, graph->num_small_edges, "call", graph->smallest_edge);
	if (has_residual)
		fputs("Dotted: calls through functions that were left out\\l", writing->file);
}

static void write_legend(const struct writing *writing)
{
	const struct view *view = writing->view;
	const char *program = program_of(view);
	fputs("subgraph cluster_L { peripheries=0 legend [fontsize=16 tooltip=\"legend\" label=\"", writing->file);
	if (*program) {
		fputs("Program: ", writing->file);
		graph_name_write(writing->file, program);
		fputs("\\l", writing->file);
	}
	fputs("Type: ", writing->file);
	graph_name_write(writing->file, view->types[view->type].type);
	fputs("\\l", writing->file);
	write_time(writing, view->store->sides[0].time_ns);
	write_total(writing);
	write_shown(writing);
	fputs("\"] }\n", writing->file);
}

void dot_write(FILE *file, const struct view *view, const struct call_graph *graph)
{
	struct writing writing = {
		.file = file, .view = view, .graph = graph, .unit = view->types[view->type].unit,
		.total = fabs((double)view->whole_totals[view->type]),
	};
	fputs("digraph \"call graph\" {\nnode [shape=box style=filled fillcolor=\"#f8f8f8\" fontname=\"Helvetica,Arial,sans-serif\"]\n"
	      "edge [fontname=\"Helvetica,Arial,sans-serif\" fontsize=10]\n", file);
	write_legend(&writing);
	write_nodes(&writing);
	for (size_t i = 0; i < graph->num_edges; i++)
		write_edge(&writing, &graph->edges[i]);
	fputs("}\n", file);
}
