// SPDX-License-Identifier: Apache-2.0
// Leaks, result: what became of the live blocks of the processes that were looked at.  OUTSIDE.
#include "cli/leaks_result.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/sums.h"
#include "cli/leaks_unknown.h"
#include "leaks/inherited.h"
#include "ledger/read.h"
#include "report/printable.h"
#include "report/units.h"

#define MAX_PROGRAM_COLUMNS 60

void leaks_result_init(struct leaks_result *result, const struct leaks_request *request, const char *subject)
{
	*result = (struct leaks_result){ .request = request, .pause_ns = -1 };
	result->subject = memory_copy_string(subject);
	result->store = store_create(1);
	result->rules = leak_rules_create();
}

void leaks_result_deinit(struct leaks_result *result)
{
	verdict_deinit(&result->verdict);
	view_destroy(result->view);
	leak_rules_destroy(result->rules);
	store_destroy(result->store);
	for (size_t i = 0; i < result->num_processes; i++) {
		free(result->processes[i].program);
		free(result->processes[i].why);
	}
	free(result->processes);
	free(result->subject);
}

bool leaks_result_add_rules(struct leaks_result *result, struct error *error)
{
	const struct leaks_request *request = result->request;
	if (!request->shows_all)
		leak_rules_add_own(result->rules);
	for (size_t i = 0; i < request->num_suppressions; i++)
		if (!leak_rules_add_file(result->rules, request->suppressions[i], error))
			return false;
	return true;
}

struct leaks_process *leaks_result_add(struct leaks_result *result, pid_t pid, const char *program,
				       enum leaks_process_state state, const char *why)
{
	result->processes = memory_grow(result->processes, result->num_processes, sizeof(*result->processes));
	struct leaks_process *process = &result->processes[result->num_processes++];
	*process = (struct leaks_process){ .pid = pid, .program = memory_copy_string(program), .state = state,
					   .why = why ? memory_copy_string(why) : NULL };
	result->num_in_state[state]++;
	return process;
}

// Into a store of its own first: one that got only a part of a profile is good for nothing.
static bool push_all(struct leaks_result *result, const struct inspection *inspection, const struct target *target)
{
	struct store *store = store_create(1);
	const struct profile_sink *sink = store_begin(store, 0, STORE_ADD);
	bool is_pushed = inspection ? inspection_push(inspection, target, (uint32_t)result->num_processes + 1, sink)
				    : leaks_push_unknown(target, sink);
	is_pushed = is_pushed && store_push(store, store_begin(result->store, 0, STORE_ADD));
	store_destroy(store);
	return is_pushed;
}

struct leaks_process *leaks_result_add_unknown(struct leaks_result *result, pid_t pid, const struct target *target,
					       const char *why)
{
	if (push_all(result, NULL, target))
		return leaks_result_add(result, pid, target_program(target), LEAKS_NOT_JUDGED, why);
	return leaks_result_add(result, pid, target_program(target), LEAKS_NOT_READ, "its ledger is not sound");
}

// What the ledger does not have, and what may be a leak for all that is known.
static char *describe_losses(const struct ledger *ledger)
{
	static const struct {
		int counter;
		const char *meaning;
	} losses[] = {
		{ LEDGER_COUNTER_reentered, "allocations in signal handlers were" },
		{ LEDGER_COUNTER_contended, "events at a lock were" },
		{ LEDGER_COUNTER_untracked_objects, "blocks for which there was no room (--ledger-memory) were" },
		{ LEDGER_COUNTER_dropped_stacks, "stacks for which there was no room (--ledger-memory) were" },
	};
	char storage[512];
	struct text text = TEXT_ON(storage);
	if (ledger_get_count(ledger, LEDGER_COUNTER_bypassed))
		return memory_copy_string("another malloc comes before cairn's, and what it serves is not recorded");
	if (!read_num_lost(ledger))
		return NULL;
	for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++) {
		uint64_t count = ledger_get_count(ledger, losses[i].counter);
		if (!count)
			continue;
		text_add(&text, text.length ? ", " : "");
		units_add_count(&text, count);
		text_add(&text, " ");
		text_add(&text, losses[i].meaning);
		text_add(&text, " not recorded");
	}
	return memory_copy_string(storage);
}

static void note_samples(struct leaks_result *result, const struct ledger *ledger)
{
	uint64_t rate_bytes = atomic_load_explicit(&ledger->header->rate_bytes, memory_order_relaxed);
	if (!read_is_estimate(ledger) && rate_bytes <= 1)
		return;
	result->rate_bytes = rate_bytes > result->rate_bytes ? rate_bytes : result->rate_bytes;
	result->has_samples |= read_all_samples(ledger->header) != 0;
}

void leaks_result_judge(struct leaks_result *result, pid_t pid, const struct inspection_request *request)
{
	struct inspection inspection;
	struct error error;
	if (!inspection_init(&inspection, request, &error)) {
		leaks_result_add_unknown(result, pid, request->target, error.message);
		return;
	}
	if (push_all(result, &inspection, request->target)) {
		struct leaks_process *process = leaks_result_add(result, pid, target_program(request->target), LEAKS_JUDGED, NULL);
		memcpy(process->sums, inspection.sums, sizeof(process->sums));
		process->scanned_bytes = inspection.scanned_bytes;
		process->read_ns = inspection.read_ns;
		note_samples(result, target_ledger(request->target));
		result->has_foreign_allocator |= inspection.has_foreign_allocator;
		process->why = describe_losses(target_ledger(request->target));
	} else {
		leaks_result_add(result, pid, target_program(request->target), LEAKS_NOT_READ, "its ledger is not sound");
	}
	inspection_deinit(&inspection);
}

bool leaks_result_is_own(const struct leaks_result *result, const struct leak_row *row)
{
	bool has_heads = row->kind == LEAK_INDIRECT && result->request->counts_kind[LEAK_DEFINITE] && row->with.objects;
	return !has_heads || row->value.objects > row->with.objects;
}

bool leaks_result_counts(const struct leaks_result *result, const struct leak_row *row)
{
	return row->kind != LEAK_UNKNOWN && result->request->counts_kind[row->kind];
}

// Of whole kinds the variances are known, where a profile's values only tell about what they are; where rules hid a part they
// are upper bounds.
static void take_errors(struct leaks_result *result)
{
	for (int kind = 0; kind < LEAK_NUM_KINDS; kind++) {
		struct leak_value *value = &result->verdict.kinds[kind];
		double objects_variance = 0, bytes_variance = 0;
		for (size_t i = 0; i < result->num_processes; i++) {
			objects_variance += result->processes[i].sums[kind].blocks_variance;
			bytes_variance += result->processes[i].sums[kind].bytes_variance;
		}
		if (value->objects && kind != LEAK_UNKNOWN) {
			value->objects_error = sums_error(objects_variance);
			value->bytes_error = sums_error(bytes_variance);
		}
	}
}

static void sum_up(struct leaks_result *result)
{
	size_t num_used;
	const struct leak_rule_use *used = leak_rules_get_used(result->rules, &num_used);
	result->hidden = result->lost = (struct leak_value){ 0, 0, -1, -1 };
	for (size_t i = 0; i < num_used; i++) {
		const struct leak_value value = { used[i].objects, used[i].bytes, -1, -1 };
		result->hidden = verdict_add(&result->hidden, &value);
	}
	for (int kind = 0; kind < LEAK_UNKNOWN; kind++)
		if (result->request->counts_kind[kind])
			result->lost = verdict_add(&result->lost, &result->verdict.kinds[kind]);
	for (size_t i = 0; i < result->verdict.num_rows; i++)
		result->num_lost_rows += leaks_result_counts(result, &result->verdict.rows[i]) &&
					 leaks_result_is_own(result, &result->verdict.rows[i]);
}

// Why it cannot be called clean; the first reason, and how many there are.
static bool find_doubt(struct leaks_result *result)
{
	struct text text = TEXT_ON(result->doubt);
	bool has_unknown = result->verdict.kinds[LEAK_UNKNOWN].objects != 0;
	size_t num_doubts = 0, num_running = 0;
	for (size_t i = 0; i < result->num_processes; i++) {
		const struct leaks_process *process = &result->processes[i];
		num_running += process->is_running;
		bool is_doubt = process->is_running || process->state == LEAKS_NOT_READ ||
				(process->state == LEAKS_NOT_JUDGED && has_unknown) || (process->state == LEAKS_JUDGED && process->why);
		if (!is_doubt || num_doubts++)
			continue;
		printable_add_cut(&text, process->program, MAX_PROGRAM_COLUMNS);
		text_add(&text, " (");
		text_add_number(&text, (uint64_t)process->pid);
		text_add(&text, "): ");
		printable_add(&text, process->why ? process->why : "it was not looked at");
		if (result->pid && process->state == LEAKS_NOT_JUDGED)
			text_add(&text, " (--max-pause and --memory set limits)");
	}
	if (num_doubts > 1) {
		text_add(&text, "; and ");
		units_add_count(&text, num_doubts - 1);
		text_add(&text, num_doubts == 2 ? " more process" : " more processes");
	}
	if (!num_doubts && result->num_left > num_running) {
		units_add_count(&text, result->num_left);
		text_add(&text, result->num_left == 1 ? " process of the program still runs" : " processes of the program still run");
	} else if (!num_doubts && !result->num_in_state[LEAKS_JUDGED] && !result->num_in_state[LEAKS_NOT_JUDGED]) {
		text_add(&text, "nothing was recorded: no process loaded the library");
	} else if (!num_doubts && result->rate_bytes > 1 && !result->has_samples) {
		text_add(&text, "not one allocation was sampled, so little was allocated; rate 1 records everything");
	}
	return text.length != 0;
}

static void decide(struct leaks_result *result)
{
	const struct leaks_request *request = result->request;
	bool has_doubt = find_doubt(result);
	bool is_lost = request->max_bytes ? result->lost.bytes > request->max_bytes : result->num_lost_rows != 0;
	result->answer = is_lost ? LEAKS_FOUND : has_doubt ? LEAKS_UNTOLD : LEAKS_CLEAN;
	result->status = is_lost ? request->exit_code : result->answer == LEAKS_CLEAN ? result->program_status : (int)LEAKS_UNTOLD;
}

bool leaks_result_conclude(struct leaks_result *result, pid_t pid, struct error *error)
{
	const struct leaks_request *request = result->request;
	struct viewing viewing = request->viewing;
	if (!result->store->num_types) { // nothing at all was pushed
		result->verdict = (struct verdict){ 0 };
		sum_up(result);
		decide(result);
		return true;
	}
	viewing.naming.pid = pid;
	naming_run(&viewing.naming, result->store);
	inherited_leave_out(result->store);
	leak_rules_apply(result->rules, result->store);
	viewing.type = "inuse_space";
	viewing.request.by_lines = true;
	if (!viewing_create_view(&viewing, &result->view, result->store, error))
		return false;
	verdict_init(&result->verdict, result->view);
	take_errors(result);
	sum_up(result);
	decide(result);
	return true;
}
