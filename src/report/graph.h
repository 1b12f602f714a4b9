// SPDX-License-Identifier: Apache-2.0
/*
 * Graph: the call graph of a view as a picture.
 *
 * OUTSIDE; for a process with one thread.
 */
#ifndef CAIRN_REPORT_GRAPH_H
#define CAIRN_REPORT_GRAPH_H

#include "report/view.h"

#define GRAPH_DEFAULT_NODES 80

enum graph_format {
	GRAPH_DOT, // what graphviz draws the others from
	GRAPH_SVG,
	GRAPH_PDF,
};

struct graph_request {
	enum graph_format format;
	uint32_t max_nodes; // 0: all functions and calls, however little they have
};

// Write the picture to path ("-": standard output), whole or not at all.
bool graph_draw(const struct view *view, const struct graph_request *request, const char *path, struct error *error);

#endif
