// SPDX-License-Identifier: Apache-2.0
// Call graph: who calls whom, and how much comes that way.  OUTSIDE.
#include "report/call_graph.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/sums.h"
#include "report/residual.h"

#define NONE UINT32_MAX

// A function, by its frame.
struct tally {
	int64_t flat, cum;
	size_t last_stack; // that it was counted for; 0: none yet
	bool is_kept;
	uint32_t node; // its number
	// For the order: what the weights of its calls, of it and by it, come to and how much they tell.
	double in_total, out_total, entropy;
	bool has_callers, has_callees;
};

struct call {
	struct {
		uint32_t caller, callee; // frames
	} key;
	int64_t weight;
	bool is_residual;
	size_t last_stack;
	UT_hash_handle hh;
};

struct count {
	const struct view *view;
	struct tally *tallies; // view->num_frames
	struct call *calls;
};

static void add_call(struct count *count, uint32_t caller, uint32_t callee, int64_t value, bool is_residual, size_t stack)
{
	struct call *call, wanted = { .key = { caller, callee } };
	HASH_FIND(hh, count->calls, &wanted.key, sizeof(wanted.key), call);
	if (!call) {
		call = memory_get(1, sizeof(*call));
		call->key = wanted.key;
		HASH_ADD(hh, count->calls, key, sizeof(call->key), call);
	}
	if (call->last_stack == stack)
		return;
	call->last_stack = stack;
	call->weight = sums_add(call->weight, value);
	call->is_residual |= is_residual;
}

// From the root to the leaf; number is one that no other stack has.
static void add_stack(struct count *count, const struct view_stack *stack, size_t number)
{
	int64_t value = view_value(count->view, stack, 0);
	uint32_t caller = NONE;
	bool is_residual = false;
	for (uint32_t i = value ? stack->num_frames : 0; i-- > 0;) {
		uint32_t frame = stack->frames[i];
		struct tally *tally = &count->tallies[frame];
		if (!tally->is_kept) {
			is_residual = true;
			continue;
		}
		if (tally->last_stack != number)
			tally->cum = sums_add(tally->cum, value);
		tally->last_stack = number;
		if (caller != NONE && caller != frame)
			add_call(count, caller, frame, value, is_residual, number);
		caller = frame;
		is_residual = false;
	}
	if (caller != NONE && !is_residual)
		count->tallies[caller].flat = sums_add(count->tallies[caller].flat, value);
}

static void forget_calls(struct count *count)
{
	struct call *call, *next;
	HASH_ITER(hh, count->calls, call, next)
	{
		HASH_DEL(count->calls, call);
		free(call);
	}
}

static void count_kept(struct count *count)
{
	forget_calls(count);
	for (uint32_t i = 0; i < count->view->num_frames; i++)
		count->tallies[i] = (struct tally){ .is_kept = count->tallies[i].is_kept };
	for (size_t i = 0; i < count->view->num_stacks; i++)
		add_stack(count, &count->view->stacks[i], i + 1);
}

static bool is_node(const struct tally *tally)
{
	return tally->is_kept && (tally->flat || tally->cum);
}

static double bits_of(double part, double whole)
{
	return part && whole ? -(part / whole) * log2(part / whole) : 0;
}

// How much the distribution of a function's calls tells: little where all that comes in goes out the same way
// (google/pprof, edgeEntropyScore).
static void weigh_calls(struct count *count)
{
	for (struct call *call = count->calls; call; call = call->hh.next) {
		struct tally *caller = &count->tallies[call->key.caller], *callee = &count->tallies[call->key.callee];
		caller->has_callees = callee->has_callers = true;
		caller->out_total += call->weight > 0 ? (double)call->weight : 0;
		callee->in_total += call->weight > 0 ? (double)call->weight : 0;
	}
	for (uint32_t i = 0; i < count->view->num_frames; i++)
		count->tallies[i].out_total += (double)count->tallies[i].flat;
	for (struct call *call = count->calls; call; call = call->hh.next) {
		struct tally *caller = &count->tallies[call->key.caller], *callee = &count->tallies[call->key.callee];
		double weight = fabs((double)call->weight);
		caller->entropy += bits_of(weight, fabs(caller->out_total));
		callee->entropy += bits_of(weight, fabs(callee->in_total));
	}
}

// And how much the function does itself (entropyScore).
static double score_of(const struct tally *tally)
{
	double score = tally->entropy + !tally->has_callers + !tally->has_callees;
	if (tally->has_callees && tally->flat > 0)
		score += bits_of((double)tally->flat, fabs(tally->out_total));
	return fabs(trunc(score * (double)tally->cum) + (double)tally->flat);
}

static int compare_nodes(const void *first, const void *second, void *context)
{
	const struct call_graph_node *a = first, *b = second;
	const struct count *count = context;
	double score_a = score_of(&count->tallies[a->frame]), score_b = score_of(&count->tallies[b->frame]);
	if (score_a != score_b)
		return score_a > score_b ? -1 : 1;
	int names = strcmp(count->view->frames[a->frame].name, count->view->frames[b->frame].name);
	return names ? names : a->frame < b->frame ? -1 : 1;
}

static void list_nodes(struct call_graph *graph, struct count *count)
{
	weigh_calls(count);
	graph->num_nodes = 0;
	for (uint32_t i = 0; i < count->view->num_frames; i++) {
		const struct tally *tally = &count->tallies[i];
		if (is_node(tally))
			graph->nodes[graph->num_nodes++] =
				(struct call_graph_node){ .frame = i, .flat = tally->flat, .cum = tally->cum };
	}
	qsort_r(graph->nodes, graph->num_nodes, sizeof(*graph->nodes), compare_nodes, count);
	for (uint32_t i = 0; i < graph->num_nodes; i++)
		count->tallies[graph->nodes[i].frame].node = i;
}

struct naming {
	const struct view *view;
	const struct call_graph_node *nodes;
};

static int compare_names(const struct naming *naming, uint32_t a, uint32_t b)
{
	int names = strcmp(naming->view->frames[naming->nodes[a].frame].name, naming->view->frames[naming->nodes[b].frame].name);
	return names ? names : (a > b) - (a < b);
}

static int compare_edges(const void *first, const void *second, void *naming)
{
	const struct call_graph_edge *a = first, *b = second;
	uint64_t size_a = sums_size(a->weight), size_b = sums_size(b->weight);
	if (size_a != size_b)
		return size_a > size_b ? -1 : 1;
	int callers = compare_names(naming, a->caller, b->caller);
	return callers ? callers : compare_names(naming, a->callee, b->callee);
}

static void list_edges(struct call_graph *graph, const struct count *count)
{
	graph->edges = memory_get(HASH_COUNT(count->calls), sizeof(*graph->edges));
	for (struct call *call = count->calls; call; call = call->hh.next) {
		const struct tally *caller = &count->tallies[call->key.caller], *callee = &count->tallies[call->key.callee];
		if (!is_node(caller) || !is_node(callee))
			continue;
		if (sums_size(call->weight) < (uint64_t)graph->smallest_edge)
			graph->num_small_edges++;
		else
			graph->edges[graph->num_edges++] = (struct call_graph_edge){
				.caller = caller->node, .callee = callee->node, .weight = call->weight,
				.is_residual = call->is_residual,
			};
	}
	struct naming naming = { count->view, graph->nodes };
	qsort_r(graph->edges, graph->num_edges, sizeof(*graph->edges), compare_edges, &naming);
}

static void leave_out_small(struct call_graph *graph, struct count *count)
{
	for (uint32_t i = 0; i < count->view->num_frames; i++) {
		struct tally *tally = &count->tallies[i];
		bool was_node = is_node(tally);
		tally->is_kept = sums_size(tally->cum) >= (uint64_t)graph->smallest_node;
		graph->num_small_nodes += was_node && !tally->is_kept;
	}
	if (graph->num_small_nodes)
		count_kept(count);
}

static void leave_out_more(struct call_graph *graph, struct count *count, uint32_t max_nodes)
{
	if (!max_nodes || graph->num_nodes <= max_nodes)
		return;
	graph->num_more_nodes = graph->num_nodes - max_nodes;
	for (uint32_t i = max_nodes; i < graph->num_nodes; i++)
		count->tallies[graph->nodes[i].frame].is_kept = false;
	count_kept(count);
	list_nodes(graph, count);
}

void call_graph_init(struct call_graph *graph, const struct view *view, const struct call_graph_limits *limits)
{
	struct count count = { .view = view, .tallies = memory_get(view->num_frames, sizeof(*count.tallies)) };
	int64_t total = 0;
	*graph = (struct call_graph){ .nodes = memory_get(view->num_frames, sizeof(*graph->nodes)) };
	for (uint32_t i = 0; i < view->num_frames; i++)
		count.tallies[i].is_kept = true;
	count_kept(&count);
	for (uint32_t i = 0; i < view->num_frames; i++)
		total = sums_add(total, count.tallies[i].flat);
	graph->smallest_node = (int64_t)(fabs((double)total) * limits->node_fraction);
	graph->smallest_edge = (int64_t)(fabs((double)total) * limits->edge_fraction);
	leave_out_small(graph, &count);
	list_nodes(graph, &count);
	leave_out_more(graph, &count, limits->max_nodes);
	list_edges(graph, &count);
	residual_remove_redundant(graph);
	forget_calls(&count);
	free(count.tallies);
}

void call_graph_deinit(struct call_graph *graph)
{
	free(graph->nodes);
	free(graph->edges);
}
