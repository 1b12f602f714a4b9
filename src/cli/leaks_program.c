// SPDX-License-Identifier: Apache-2.0
// `cairn leaks -- PROGRAM`: every process of a program, looked at when it ends.  OUTSIDE.
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/launching.h"
#include "cli/leaks_output.h"
#include "cli/leaks_result.h"
#include "launch/child.h"
#include "launch/tracer.h"
#include "target/list.h"
#include "target/process.h"
#include "target/source.h"

#define GRACE_US 100000 // for processes that what ended the first one is ending

// A process that was held at its end, as its ledgers name it.
struct ended {
	uint32_t pid;
	uint64_t process_start;
};

struct program_run {
	const struct leaks_request *request;
	struct leaks_result result;
	struct launching launching;
	struct child child;
	struct ended *ended;
	size_t num_ended;
	bool has_running;
};

static void note_ended(struct program_run *run, const struct tracer_end *end)
{
	run->ended = memory_grow(run->ended, run->num_ended, sizeof(*run->ended));
	run->ended[run->num_ended++] = (struct ended){ (uint32_t)process_inner_pid(end->pid), process_start(end->pid) };
}

static bool has_ended(const struct program_run *run, const struct ledger_header *header)
{
	for (size_t i = 0; i < run->num_ended; i++)
		if (run->ended[i].pid == header->pid && run->ended[i].process_start == header->process_start)
			return true;
	return false;
}

// Whoever ran in the directory of the run may have named it; nothing else is removed.
static void remove_ledger(const struct program_run *run, const char *path)
{
	char own[PATH_MAX];
	if (path && snprintf(own, sizeof(own), "%s/%s", run->launching.directory, text_base_name(path)) < (int)sizeof(own))
		unlink(own);
}

// The newest ledger of a process.
static bool open_by_file(const struct program_run *run, pid_t pid, struct target **target)
{
	struct list list;
	struct error ignored;
	const struct list_entry *found = NULL;
	list_init_directory(&list, run->launching.directory);
	for (size_t i = 0; i < list.num_entries; i++) {
		const struct list_entry *entry = &list.entries[i];
		bool is_its = entry->is_readable && entry->header.pid == (uint32_t)process_inner_pid(pid) &&
			      entry->header.process_start == process_start(pid);
		if (is_its && (!found || entry->header.start_ticks > found->header.start_ticks))
			found = entry;
	}
	bool is_open = found && target_open_file(target, found->path, &ignored);
	list_deinit(&list);
	return is_open;
}

// True if there is a ledger among the mappings; else with errno as source_find_mapping() has it.
static bool has_ledger(pid_t pid)
{
	struct source_mapping mapping;
	if (!source_find_mapping(pid, &mapping))
		return false;
	free(mapping.path);
	return true;
}

// Where the first thread has ended before the others, mappings do not show but for those.
static bool is_headless(const struct tracer_end *end)
{
	return end->tid != end->pid && !process_is_alive(end->pid) && (has_ledger(end->tid) || errno == ECHILD);
}

static void note_unjudged(struct program_run *run, const struct tracer_end *end, enum leaks_process_state state, const char *why)
{
	char link[32], path[PATH_MAX];
	snprintf(link, sizeof(link), "/proc/%d/exe", (int)end->tid);
	ssize_t length = readlink(link, path, sizeof(path) - 1);
	path[length > 0 ? length : 0] = 0;
	leaks_result_add(&run->result, end->pid, length > 0 ? text_base_name(path) : "[unknown]", state, why);
}

// False if there is nothing to be judged, which is noted if it matters.
static bool open_ended(struct program_run *run, const struct tracer_end *end, struct target **target)
{
	char name[32];
	struct error error;
	snprintf(name, sizeof(name), "%d", (int)end->pid);
	if (has_ledger(end->pid)) {
		if (target_open(target, name, &error))
			return true;
		note_unjudged(run, end, LEAKS_NOT_READ, error.message);
		return false;
	}
	int reason = errno;
	if (is_headless(end) && open_by_file(run, end->pid, target))
		return true;
	if (reason && reason != ECHILD)
		note_unjudged(run, end, LEAKS_NOT_READ, strerror(reason));
	else if (!reason)
		note_unjudged(run, end, LEAKS_NOT_RECORDED, "it did not load the library (static, setuid, of another libc), or was not to");
	return false; // ECHILD: there is nothing of its own since it was forked
}

static void judge(struct program_run *run, const struct tracer_end *end, struct target *target)
{
	const struct inspection_request request = {
		.target = target,
		.tid = end->tid,
		.threads = end->threads,
		.num_threads = end->num_threads,
		.is_without_inherited = target_ledger(target)->header->is_forked != 0,
		.memory_bytes = run->request->memory_bytes,
	};
	if (end->is_whole)
		leaks_result_judge(&run->result, end->pid, &request);
	else
		leaks_result_add_unknown(&run->result, end->pid, target, "some of its threads did not come to their end in time");
}

static void at_end(void *context, const struct tracer_end *end)
{
	struct program_run *run = context;
	struct target *target;
	note_ended(run, end);
	if (!open_ended(run, end, &target))
		return;
	judge(run, end, target);
	remove_ledger(run, target_path(target));
	target_close(target);
}

static const char *why_not_held(const struct program_run *run, const struct list_entry *entry, struct error *why)
{
	if (entry->pid)
		error_set(why, "it still runs; look at it with: cairn leaks %d", (int)entry->pid);
	else if (run->request->is_untraced)
		error_set(why, "it was not to be followed (--no-trace)");
	else if (!run->child.is_traced)
		*why = run->child.why_untraced;
	else
		error_set(why, "it ended without being seen, as SIGKILL may end it");
	return why->message;
}

// What a ledger that is left says of a process that was not held at its end.
static void take_left(struct program_run *run, const struct list *list, const struct list_entry *entry)
{
	struct error error;
	struct target *target;
	if (!entry->is_readable && !entry->is_incomplete) {
		leaks_result_add(&run->result, entry->pid, text_base_name(entry->path), LEAKS_NOT_READ, entry->error.message);
		return;
	}
	bool is_nothing = entry->is_incomplete || has_ended(run, &entry->header) || list_has_executed(list, &entry->header);
	if (is_nothing && entry->pid)
		run->has_running = true;
	else if (is_nothing)
		remove_ledger(run, entry->path);
	if (is_nothing)
		return;
	if (!target_open_file(&target, entry->path, &error)) {
		leaks_result_add(&run->result, (pid_t)entry->header.pid, entry->program, LEAKS_NOT_READ, error.message);
		return;
	}
	pid_t pid = entry->pid ? entry->pid : (pid_t)entry->header.pid;
	leaks_result_add_unknown(&run->result, pid, target, why_not_held(run, entry, &error))->is_running = entry->pid != 0;
	target_close(target);
	if (entry->pid)
		run->has_running = true;
	else
		remove_ledger(run, entry->path);
}

static bool is_any_running(const struct list *list)
{
	for (size_t i = 0; i < list->num_entries; i++)
		if (list->entries[i].pid)
			return true;
	return false;
}

static void take_all_left(struct program_run *run)
{
	struct list list;
	list_init_directory(&list, run->launching.directory);
	if (is_any_running(&list)) {
		usleep(GRACE_US);
		list_deinit(&list);
		list_init_directory(&list, run->launching.directory);
	}
	for (size_t i = 0; i < list.num_entries; i++)
		take_left(run, &list, &list.entries[i]);
	list_deinit(&list);
}

static int status_of(int wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

// The program's own profiles are not asked for, whatever the environment says.
static void choose_values(struct program_run *run)
{
	static const enum launching_variable unwanted[] = { LAUNCHING_INTERVAL, LAUNCHING_SIGNAL, LAUNCHING_DUMP_GROWTH,
							    LAUNCHING_PEAK, LAUNCHING_FATAL };
	const struct leaks_request *request = run->request;
	for (size_t i = 0; i < sizeof(unwanted) / sizeof(unwanted[0]); i++)
		run->launching.values[unwanted[i]] = "";
	run->launching.values[LAUNCHING_RATE] = request->rate;
	run->launching.values[LAUNCHING_MEMORY] = request->ledger_memory;
	run->launching.is_first_only = request->is_first_only;
	run->launching.is_forced = request->is_forced;
	strcpy(run->launching.library, request->library);
}

// Run it until it ends, with its processes judged.  False, with the status to end with, if it could not be executed.
static bool run_program(struct program_run *run, int *status, struct error *error)
{
	const struct leaks_request *request = run->request;
	if (!launching_init(&run->launching, request->argv[0], LEAKS_UNTOLD, status, error))
		return false;
	run->child = (struct child){ .path = run->launching.path, .argv = request->argv, .prepare = launching_set_environment,
				     .context = &run->launching };
	if (!request->is_untraced)
		run->child.tracer = tracer_create(request->is_first_only, at_end, run);
	bool has_run = child_run(&run->child, status, error);
	tracer_destroy(run->child.tracer);
	run->child.tracer = NULL;
	if (has_run)
		take_all_left(run);
	return has_run;
}

static bool conclude(struct program_run *run, int *status, struct error *error)
{
	struct leaks_result *result = &run->result;
	*status = LEAKS_UNTOLD;
	result->program_status = status_of(run->child.wait_status);
	result->program_signal = WIFSIGNALED(run->child.wait_status) ? WTERMSIG(run->child.wait_status) : 0;
	result->num_left = run->child.num_left;
	if (!leaks_result_conclude(result, 0, error) || !leaks_result_show(result, error))
		return false;
	*status = result->status;
	return true;
}

bool leaks_of_program(const struct leaks_request *request, int *status, struct error *error)
{
	struct program_run run = { .request = request };
	leaks_result_init(&run.result, request, request->argv[0]);
	*status = LEAKS_UNTOLD;
	choose_values(&run);
	bool is_done = leaks_output_check(request, error) && leaks_result_add_rules(&run.result, error) &&
		       run_program(&run, status, error);
	launching_deinit(&run.launching, run.has_running);
	if (is_done) {
		launching_let_signals_end_us();
		is_done = conclude(&run, status, error);
	}
	bool ends_alike = is_done && run.result.answer == LEAKS_CLEAN && run.result.program_status;
	leaks_result_deinit(&run.result);
	free(run.ended);
	if (ends_alike)
		child_end_alike(&run.child);
	return is_done;
}
