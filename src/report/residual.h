// SPDX-License-Identifier: Apache-2.0
/*
 * Residual: calls in a graph that lead past functions which were left out.
 *
 * OUTSIDE; one thread.
 */
#ifndef CAIRN_REPORT_RESIDUAL_H
#define CAIRN_REPORT_RESIDUAL_H

#include "report/call_graph.h"

// Remove those whose ends are connected another way too, the lightest first, unless a call that is not residual
// is lighter (google/pprof, RemoveRedundantEdges).
void residual_remove_redundant(struct call_graph *graph);

#endif
