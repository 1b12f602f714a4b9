// SPDX-License-Identifier: Apache-2.0
// Harvest: the profiles of the processes of one `cairn run`.  OUTSIDE.
#include "cli/harvest.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/system.h"
#include "cli/command.h"
#include "cli/launching.h"
#include "cli/snapshot.h"
#include "cli/subject.h"
#include "ledger/read.h"
#include "profile/store.h"
#include "target/list.h"

#define GRACE_US 100000

// What is to become of a ledger.
enum fate {
	FATE_UNREADABLE,
	FATE_RUNNING,
	FATE_EXECUTED, // its process went on as another program
	FATE_EMPTY,
	FATE_WRITE,
	FATE_WRITTEN,
};

// A harvest under way.
struct work {
	struct harvest *harvest;
	const struct harvest_request *request;
	struct list list;
	enum fate *fates; // of the list's entries
	char **written;   // names of the profiles, num_written of the harvest
};

static bool is_first(const struct work *work, const struct list_entry *entry)
{
	return entry->header.pid == (uint32_t)work->request->pid;
}

static enum fate fate_of(const struct work *work, const struct list_entry *entry)
{
	if (!entry->is_readable && !entry->is_incomplete)
		return FATE_UNREADABLE;
	if (entry->pid)
		return FATE_RUNNING;
	if (entry->is_incomplete)
		return FATE_EMPTY;
	if (list_has_executed(&work->list, &entry->header))
		return FATE_EXECUTED;
	bool has_nothing = read_all_samples(&entry->header) == 0;
	return has_nothing && (!is_first(work, entry) || entry->header.rate_bytes == 0) ? FATE_EMPTY : FATE_WRITE;
}

static void fail(struct work *work, const struct error *error, const struct list_entry *entry)
{
	if (work->harvest->num_failed++ != 0)
		return;
	work->harvest->error = *error;
	snprintf(work->harvest->failed_ledger, sizeof(work->harvest->failed_ledger), "%s", entry->path);
}

static void add_live(struct harvest *harvest, const struct list_entry *entry)
{
	harvest->total.live_bytes += entry->total.live_bytes;
	harvest->total.live_objects += entry->total.live_objects;
	harvest->total.live_bytes_variance += entry->total.live_bytes_variance;
	harvest->is_estimate |= entry->is_estimate;
}

static void note_written(struct work *work, const struct list_entry *entry, const char *path)
{
	struct harvest *harvest = work->harvest;
	work->written = memory_resize(work->written, harvest->num_written + 1, sizeof(*work->written));
	work->written[harvest->num_written] = memory_copy_string(path);
	if (harvest->num_written++ && entry->total.live_bytes <= harvest->total.live_bytes)
		return;
	strcpy(harvest->path, path);
	harvest->total = entry->total;
	harvest->header = entry->header;
	harvest->is_estimate = entry->is_estimate;
}

static void note_file(struct harvest *harvest, const char *path)
{
	harvest->files = memory_resize(harvest->files, harvest->num_files + 1, sizeof(*harvest->files));
	harvest->files[harvest->num_files++] = memory_copy_string(path);
}

static bool write_peak(struct harvest *harvest, const char *pattern, const struct file_contents *contents,
		       const struct pattern_values *values, struct error *error)
{
	char path[PATH_MAX];
	struct text text = TEXT_ON(path);
	pattern_expand(&text, pattern, values, true);
	if (!file_write(path, contents, error))
		return false;
	note_file(harvest, path);
	return true;
}

static bool is_written_already(const struct work *work, const char *path)
{
	for (unsigned i = 0; i < work->harvest->num_written; i++)
		if (strcmp(work->written[i], path) == 0)
			return true;
	return false;
}

// A pattern that would name two processes' profiles alike gets the pid of the second.
static void choose_pattern(const struct work *work, const struct pattern_values *values, char pattern[PATH_MAX])
{
	char path[PATH_MAX];
	struct text name = TEXT_ON(path), chosen = { .start = pattern, .size_bytes = PATH_MAX };
	const char *given = work->request->pattern, *suffix = strstr(given, ".pb.gz");
	pattern_expand(&name, given, values, false);
	text_add(&chosen, given);
	if (pattern_has_number(given) || !is_written_already(work, path))
		return;
	chosen.length = suffix ? (size_t)(suffix - given) : strlen(given);
	text_add(&chosen, ".%p");
	text_add(&chosen, suffix ? suffix : "");
}

static bool write_one(struct work *work, const struct list_entry *entry, struct error *error)
{
	char path[PATH_MAX], pattern[PATH_MAX];
	struct snapshot snapshot = { 0 };
	struct target *target;
	if (!target_open_file(&target, entry->path, error))
		return false;
	snapshot.target = target;
	struct pattern_values values = snapshot_values(target);
	struct file_contents contents = snapshot_contents(&snapshot);
	choose_pattern(work, &values, pattern);
	bool is_written = file_write_next(pattern, &values, &contents, path, error);
	if (is_written) {
		note_file(work->harvest, path);
		note_written(work, entry, path);
	}
	snapshot.is_peak = true;
	is_written = is_written && (!work->request->is_peak || write_peak(work->harvest, pattern, &contents, &values, error));
	target_close(target);
	return is_written;
}

static void write_if_due(struct work *work, size_t i)
{
	struct error error;
	if (work->fates[i] != FATE_WRITE)
		return;
	if (write_one(work, &work->list.entries[i], &error))
		work->fates[i] = FATE_WRITTEN;
	else
		fail(work, &error, &work->list.entries[i]);
}

// The process that was started first: a name that cannot tell processes apart is its.
static void write_each(struct work *work)
{
	for (size_t i = 0; i < work->list.num_entries; i++)
		if (is_first(work, &work->list.entries[i]))
			write_if_due(work, i);
	for (size_t i = 0; i < work->list.num_entries; i++) {
		command_show_progress("profiles", i, work->list.num_entries);
		if (!is_first(work, &work->list.entries[i]))
			write_if_due(work, i);
	}
	command_end_progress();
}

static bool add_to_sum(struct store *sum, const char *path, bool is_peak, struct error *error)
{
	struct target *target;
	if (!target_open_file(&target, path, error))
		return false;
	struct snapshot snapshot = { target, is_peak, true, NULL };
	bool is_added = snapshot_push(&snapshot, store_begin(sum, 0, STORE_ADD));
	target_close(target);
	return is_added || error_set(error, "%s: its stacks name frames that are not there", path);
}

// The sum of all, as they are now or at the peak of each.
static bool write_merged(struct work *work, bool is_peak, struct pattern_values *values, struct error *error)
{
	struct store *sum = store_create(1);
	struct file_contents contents = file_contents_of(sum);
	bool is_sound = true;
	for (size_t i = 0; i < work->list.num_entries && is_sound; i++) {
		command_show_progress("ledgers", i, work->list.num_entries);
		if (work->fates[i] == FATE_WRITE)
			is_sound = add_to_sum(sum, work->list.entries[i].path, is_peak, error);
	}
	command_end_progress();
	if (is_sound && is_peak)
		is_sound = write_peak(work->harvest, work->request->pattern, &contents, values, error);
	else if (is_sound)
		is_sound = file_write_next(work->request->pattern, values, &contents, work->harvest->path, error);
	if (is_sound && !is_peak)
		note_file(work->harvest, work->harvest->path);
	store_destroy(sum);
	return is_sound;
}

// The file is named after the process that was started, or else the first there is.
static const struct list_entry *find_named(const struct work *work)
{
	const struct list_entry *named = NULL;
	for (size_t i = 0; i < work->list.num_entries; i++)
		if (work->fates[i] == FATE_WRITE && (!named || is_first(work, &work->list.entries[i])))
			named = &work->list.entries[i];
	return named;
}

static void write_all_in_one(struct work *work)
{
	struct error error;
	const struct list_entry *named = find_named(work);
	if (!named)
		return;
	struct pattern_values values = snapshot_values_of(&named->header, named->program);
	if (!write_merged(work, false, &values, &error) ||
	    (work->request->is_peak && !write_merged(work, true, &values, &error))) {
		fail(work, &error, named);
		return;
	}
	work->harvest->num_written = 1;
	work->harvest->header = named->header;
	for (size_t i = 0; i < work->list.num_entries; i++) {
		if (work->fates[i] != FATE_WRITE)
			continue;
		work->fates[i] = FATE_WRITTEN;
		add_live(work->harvest, &work->list.entries[i]);
	}
}

// Who waited for the process knows how it ended.
static void note_end(const char *path, int wait_status)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	struct {
		uint32_t end;
		int32_t status;
		int64_t time_ns;
	} ended = { LEDGER_END_EXIT, WEXITSTATUS(wait_status), now.tv_sec * INT64_C(1000000000) + now.tv_nsec };
	if (WIFSIGNALED(wait_status)) {
		ended.end = LEDGER_END_SIGNAL;
		ended.status = WTERMSIG(wait_status);
	}
	_Static_assert(offsetof(struct ledger_header, end_time_ns) == offsetof(struct ledger_header, end) + 8, "layout");
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	// For the frequency of the ticks; the machine is the same.
	struct {
		uint64_t ticks;
		int64_t clock_ns;
	} late = { system_ticks(), system_clock_ns(CLOCK_MONOTONIC) };
	_Static_assert(offsetof(struct ledger_header, late_clock_ns) == offsetof(struct ledger_header, late_ticks) + 8, "layout");
	ssize_t written = pwrite(fd, &ended, sizeof(ended), offsetof(struct ledger_header, end)) +
			  pwrite(fd, &late, sizeof(late), offsetof(struct ledger_header, late_ticks));
	(void)written; // `cairn list` will not know how it ended
	close(fd);
}

static void finish(struct work *work)
{
	for (size_t i = 0; i < work->list.num_entries; i++) {
		const struct list_entry *entry = &work->list.entries[i];
		enum fate fate = work->fates[i];
		work->harvest->num_running += fate == FATE_RUNNING;
		work->harvest->num_empty += fate == FATE_EMPTY;
		if (fate == FATE_UNREADABLE)
			fail(work, &entry->error, entry);
		if ((fate == FATE_WRITTEN || fate == FATE_EXECUTED || fate == FATE_EMPTY) && !work->request->are_kept)
			unlink(entry->path);
		else if ((fate == FATE_WRITTEN || fate == FATE_WRITE) && is_first(work, entry))
			note_end(entry->path, work->request->wait_status);
	}
}

static bool read_ledgers(struct work *work)
{
	bool has_running = false;
	list_init_directory(&work->list, work->request->directory);
	work->fates = memory_get(work->list.num_entries, sizeof(*work->fates));
	for (size_t i = 0; i < work->list.num_entries; i++) {
		work->fates[i] = fate_of(work, &work->list.entries[i]);
		has_running |= work->fates[i] == FATE_RUNNING;
	}
	return has_running;
}

void harvest_run(struct harvest *harvest, const struct harvest_request *request)
{
	struct work work = { .harvest = harvest, .request = request };
	*harvest = (struct harvest){ 0 };
	if (read_ledgers(&work)) { // what ended the first process may be ending the others
		usleep(GRACE_US);
		free(work.fates);
		list_deinit(&work.list);
		read_ledgers(&work);
	}
	(request->is_merged ? write_all_in_one : write_each)(&work);
	finish(&work);
	for (unsigned i = 0; work.written && i < harvest->num_written; i++)
		free(work.written[i]);
	free(work.written);
	free(work.fates);
	list_deinit(&work.list);
}

void harvest_deinit(struct harvest *harvest)
{
	for (size_t i = 0; i < harvest->num_files; i++)
		free(harvest->files[i]);
	free(harvest->files);
}

void harvest_name(const struct harvest *harvest, struct naming *naming)
{
	launching_let_signals_end_us();
	for (size_t i = 0; i < harvest->num_files; i++) {
		struct store *store = store_create(1);
		struct file_contents contents = file_contents_of(store);
		struct error error;
		bool is_read = subject_add(store, harvest->files[i], 0, STORE_ADD, &error);
		if (is_read)
			naming_run(naming, store);
		if (!is_read || !file_write(harvest->files[i], &contents, &error))
			command_fail(&error);
		store_destroy(store);
	}
}
