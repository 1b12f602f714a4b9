// SPDX-License-Identifier: Apache-2.0
/*
 * Dot: a call graph in DOT, graphviz's language.
 *
 * OUTSIDE; one thread.  The same view and graph give the same bytes.
 */
#ifndef CAIRN_REPORT_DOT_H
#define CAIRN_REPORT_DOT_H

#include <stdio.h>

#include "report/call_graph.h"

// Functions are nodes N1, N2, ... in the graph's order.  Their labels are for people; exact values are in the tooltips.
// Whether it could be written ferror() tells.
void dot_write(FILE *file, const struct view *view, const struct call_graph *graph);

#endif
