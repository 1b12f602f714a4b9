// SPDX-License-Identifier: Apache-2.0
/*
 * Call graph: who calls whom, and how much of the value that is asked for comes that way.
 *
 * The numbers and what is left out are those of `go tool pprof -dot` (google/pprof, internal/graph/graph.go and
 * internal/report/report.go), so that one profile makes one picture: a function counts once for a stack however often it
 * is on it, a call of itself is none, and where functions were left out those around them are connected.
 *
 * OUTSIDE; one thread.
 */
#ifndef CAIRN_REPORT_CALL_GRAPH_H
#define CAIRN_REPORT_CALL_GRAPH_H

#include "report/view.h"

struct call_graph_limits {
	uint32_t max_nodes;   // 0: no limit
	double node_fraction; // of the total, below 1: functions with less are left out
	double edge_fraction; // calls with less
};

struct call_graph_node {
	uint32_t frame; // of the view
	int64_t flat;   // of the function itself
	int64_t cum;    // with what it called
};

struct call_graph_edge {
	uint32_t caller, callee; // nodes
	int64_t weight;
	bool is_residual; // at least in part, functions that were left out lie between
};

struct call_graph {
	struct call_graph_node *nodes; // what tells most first
	uint32_t num_nodes;
	struct call_graph_edge *edges; // heaviest first
	size_t num_edges;
	// Left out, for having less than the fraction (which is that much), or beyond max_nodes.  Residual calls
	// that are not needed to connect their ends are left out uncounted.
	uint32_t num_small_nodes, num_more_nodes;
	size_t num_small_edges;
	int64_t smallest_node, smallest_edge;
};

// Of side 0.  The same view gives the same graph, in the same order.
void call_graph_init(struct call_graph *graph, const struct view *view, const struct call_graph_limits *limits);
void call_graph_deinit(struct call_graph *graph);

#endif
