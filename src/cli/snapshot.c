// SPDX-License-Identifier: Apache-2.0
// Snapshot: the profile of a target as it was last copied.  OUTSIDE.
#include "cli/snapshot.h"

#include <math.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "control/config.h"
#include "profile/from_ledger.h"
#include "report/units.h"
#include "target/process.h"

static bool push_addresses(const struct snapshot *snapshot, const struct profile_sink *sink)
{
	const struct target *target = snapshot->target;
	const struct profile_request request = {
		.is_peak = snapshot->is_peak,
		.is_without_inherited = snapshot->is_without_inherited,
		.time_ns = target_time_ns(target),
		.cpu_ns = target_pid(target) ? process_cpu_ns(target_pid(target)) : 0,
		.ticks_per_ns = target_ticks_per_ns(target),
	};
	return profile_from_ledger(target_ledger(target), &request, sink);
}

static bool push_names(const struct snapshot *snapshot, const struct profile_sink *sink)
{
	struct store *store = store_create(1);
	bool is_pushed = push_addresses(snapshot, store_begin(store, 0, STORE_ADD));
	snapshot->naming->pid = target_pid(snapshot->target);
	if (is_pushed)
		naming_run(snapshot->naming, store);
	is_pushed = is_pushed && store_push(store, sink);
	store_destroy(store);
	return is_pushed;
}

bool snapshot_push(void *context, const struct profile_sink *sink)
{
	const struct snapshot *snapshot = context;
	return snapshot->naming ? push_names(snapshot, sink) : push_addresses(snapshot, sink);
}

struct file_contents snapshot_contents(struct snapshot *snapshot)
{
	return (struct file_contents){ snapshot_push, snapshot };
}

struct pattern_values snapshot_values_of(const struct ledger_header *header, const char *program)
{
	static char host[65];
	if (!*host && gethostname(host, sizeof(host) - 1) != 0)
		host[0] = '-';
	return (struct pattern_values){ .pid = header->pid, .number = header->last_dump, .program = program,
					.time_s = time(NULL), .host = host };
}

struct pattern_values snapshot_values(const struct target *target)
{
	return snapshot_values_of(target_ledger(target)->header, target_program(target));
}

void snapshot_add_live(struct text *text, const struct tally *total, bool is_estimate)
{
	units_add_bytes_estimate(text, (double)total->live_bytes, is_estimate ? sqrt(total->live_bytes_variance) : UNITS_EXACT);
	text_add(text, " live in ");
	units_add_short_count(text, (double)total->live_objects);
	text_add(text, total->live_objects == 1 ? " block" : " blocks");
}

void snapshot_add_lost(struct text *text, const struct ledger_header *header)
{
	uint64_t num_untracked = header->counters[LEDGER_COUNTER_untracked_objects];
	uint64_t num_dropped = header->counters[LEDGER_COUNTER_dropped_stacks];
	if (!num_untracked && !num_dropped)
		return;
	text_add(text, "; INCOMPLETE, the ledger was full: ");
	units_add_count(text, num_untracked);
	text_add(text, " blocks (");
	units_add_bytes(text, (double)header->counters[LEDGER_COUNTER_untracked_bytes]);
	text_add(text, ") could not be followed, ");
	units_add_count(text, num_dropped);
	text_add(text, " have no stack; give it more with --memory, or more room where ledgers are");
}

bool snapshot_write(const struct target *target, char *path, size_t size_bytes, struct error *error)
{
	char written[PATH_MAX];
	struct snapshot snapshot = { .target = target };
	struct pattern_values values = snapshot_values(target);
	struct file_contents contents = snapshot_contents(&snapshot);
	if (!file_write_next(CONFIG_DEFAULT_OUT, &values, &contents, written, error))
		return false;
	snprintf(path, size_bytes, "%s", written);
	return true;
}
