// SPDX-License-Identifier: Apache-2.0
// `cairn leaks PID`: a process that runs, stopped for a moment.  OUTSIDE.
#include <time.h>

#include "base/system.h"
#include "cli/leaks_output.h"
#include "cli/leaks_result.h"
#include "cli/named.h"
#include "target/threads.h"

struct stop {
	struct threads threads;
	int64_t pause_ns;
	bool is_over;
};

static void resume(void *context)
{
	struct stop *stop = context;
	if (stop->is_over)
		return;
	stop->is_over = true;
	int64_t since_ns = stop->threads.since_ns;
	threads_resume(&stop->threads);
	stop->pause_ns = system_clock_ns(CLOCK_MONOTONIC) - since_ns;
}

static bool has_its_process(const struct target *target, pid_t pid, struct error *error)
{
	return target_pid(target) == pid || error_set(error, "%d: its ledger is that of another process by now", (int)pid);
}

// The process is stopped, and goes on when this returns.
static void judge(struct leaks_result *result, struct target *target, pid_t pid, struct stop *stop)
{
	const struct leaks_request *request = result->request;
	const struct inspection_request inspection = {
		.target = target,
		.tid = pid,
		.threads = stop->threads.states,
		.num_threads = stop->threads.num_states,
		.deadline_ns = request->max_pause_ns ? stop->threads.since_ns + request->max_pause_ns : 0,
		.memory_bytes = request->memory_bytes,
		.read_done = resume,
		.context = stop,
	};
	leaks_result_judge(result, pid, &inspection);
}

static bool look(struct leaks_result *result, struct target *target, struct error *error)
{
	const struct leaks_request *request = result->request;
	struct stop stop = { 0 };
	pid_t pid = target_pid(target);
	if (!pid)
		return error_set(error, "%s: is gone, and its memory with it: only what runs can be looked at", request->names[0]);
	if (!threads_stop(&stop.threads, pid, request->max_pause_ns ? request->max_pause_ns : INT64_MAX, error))
		return false;
	bool is_sound = target_refresh(target, error) && has_its_process(target, pid, error);
	if (is_sound)
		judge(result, target, pid, &stop);
	resume(&stop);
	result->pause_ns = stop.pause_ns;
	return is_sound && leaks_result_conclude(result, pid, error) && leaks_result_show(result, error);
}

bool leaks_of_process(const struct leaks_request *request, int *status, struct error *error)
{
	struct leaks_result result;
	struct target *target;
	*status = LEAKS_UNTOLD;
	if (!named_open(&target, request->names[0], error))
		return false;
	leaks_result_init(&result, request, target_program(target));
	result.pid = target_pid(target);
	bool is_told = leaks_output_check(request, error) && leaks_result_add_rules(&result, error) && look(&result, target, error);
	if (is_told)
		*status = result.status;
	leaks_result_deinit(&result);
	target_close(target);
	return is_told;
}
