// SPDX-License-Identifier: Apache-2.0
// Residual: calls that lead past functions which were left out.  OUTSIDE.
#include "report/residual.h"

#include <stdlib.h>

#include "base/memory.h"

struct search {
	struct call_graph *graph;
	size_t *starts;   // of a node's calls in calls, by callee
	size_t *calls;    // edges by callee, heaviest first
	bool *is_removed; // edges
	uint32_t *queue;  // of nodes
	size_t *seen;     // by which search a node was seen
	size_t num_searches;
};

static void sort_by_callee(struct search *search)
{
	const struct call_graph *graph = search->graph;
	for (size_t i = 0; i < graph->num_edges; i++)
		search->starts[graph->edges[i].callee + 2]++;
	for (uint32_t i = 2; i < graph->num_nodes + 2; i++)
		search->starts[i] += search->starts[i - 1];
	for (size_t i = 0; i < graph->num_edges; i++)
		search->calls[search->starts[graph->edges[i].callee + 1]++] = i;
}

// Is there a way from the edge's caller to its callee without the edge?
static bool is_redundant(struct search *search, size_t edge)
{
	const struct call_graph_edge *edges = search->graph->edges;
	size_t num_queued = 0, number = ++search->num_searches;
	search->queue[num_queued++] = edges[edge].callee;
	search->seen[edges[edge].callee] = number;
	for (size_t next = 0; next < num_queued; next++) {
		uint32_t node = search->queue[next];
		for (size_t i = search->starts[node]; i < search->starts[node + 1]; i++) {
			size_t call = search->calls[i];
			uint32_t caller = edges[call].caller;
			if (call == edge || search->is_removed[call] || search->seen[caller] == number)
				continue;
			if (caller == edges[edge].caller)
				return true;
			search->seen[caller] = number;
			search->queue[num_queued++] = caller;
		}
	}
	return false;
}

static void drop_removed(struct search *search)
{
	struct call_graph *graph = search->graph;
	size_t num_kept = 0;
	for (size_t i = 0; i < graph->num_edges; i++)
		if (!search->is_removed[i])
			graph->edges[num_kept++] = graph->edges[i];
	graph->num_edges = num_kept;
}

void residual_remove_redundant(struct call_graph *graph)
{
	struct search search = {
		.graph = graph,
		.starts = memory_get((size_t)graph->num_nodes + 2, sizeof(*search.starts)),
		.calls = memory_get(graph->num_edges, sizeof(*search.calls)),
		.is_removed = memory_get(graph->num_edges, sizeof(*search.is_removed)),
		.queue = memory_get(graph->num_nodes, sizeof(*search.queue)),
		.seen = memory_get(graph->num_nodes, sizeof(*search.seen)),
	};
	sort_by_callee(&search);
	for (uint32_t node = graph->num_nodes; node-- > 0;)
		for (size_t i = search.starts[node + 1]; i > search.starts[node] && graph->edges[search.calls[i - 1]].is_residual; i--)
			search.is_removed[search.calls[i - 1]] = is_redundant(&search, search.calls[i - 1]);
	drop_removed(&search);
	free(search.starts);
	free(search.calls);
	free(search.is_removed);
	free(search.queue);
	free(search.seen);
}
