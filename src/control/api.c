// SPDX-License-Identifier: Apache-2.0
/*
 * The functions behind include/cairn.h.  INSIDE: called by the program, but not within an allocation.
 *
 * Their names carry a version, so that a header of another version finds what it was written for, or
 * nothing.
 */
#include <cairn.h>
#include <errno.h>
#include <string.h>

#include "control/control.h"
#include "control/dump.h"
#include "ledger/read.h"
#include "ledger/sites.h"
#include "shim/profiler.h"

#define EXPORT __attribute__((visibility("default")))

static uint64_t last_rate_bytes; // that was not 0; for cairn_start()

static int set_rate(uint64_t rate_bytes)
{
	uint64_t before = atomic_exchange_explicit(&profiler.rate_bytes, rate_bytes, memory_order_relaxed);
	atomic_store_explicit(&profiler.ledger.header->rate_bytes, rate_bytes, memory_order_relaxed);
	if (before)
		last_rate_bytes = before;
	sampler_redraw(&thread.sampler);
	return CAIRN_OK;
}

static bool is_loaded(void)
{
	return profiler_is_on() && profiler_adopt();
}

EXPORT int cairn_start_v1(void)
{
	if (!is_loaded())
		return CAIRN_NOT_LOADED;
	if (atomic_load_explicit(&profiler.rate_bytes, memory_order_relaxed))
		return CAIRN_OK;
	uint64_t configured = control.config.rate_bytes ? control.config.rate_bytes : 512 * 1024;
	return set_rate(last_rate_bytes ? last_rate_bytes : configured);
}

EXPORT int cairn_stop_v1(void)
{
	return is_loaded() ? set_rate(0) : CAIRN_NOT_LOADED;
}

EXPORT int cairn_set_rate_v1(uint64_t rate_bytes)
{
	if (!is_loaded())
		return CAIRN_NOT_LOADED;
	return rate_bytes <= SAMPLER_MAX_RATE_BYTES ? set_rate(rate_bytes) : CAIRN_INVALID;
}

EXPORT int64_t cairn_get_rate_v1(void)
{
	if (!is_loaded())
		return CAIRN_NOT_LOADED;
	return (int64_t)atomic_load_explicit(&profiler.rate_bytes, memory_order_relaxed);
}

EXPORT int cairn_reset_v1(void)
{
	if (!is_loaded())
		return CAIRN_NOT_LOADED;
	site_begin_epoch(&profiler.ledger);
	return CAIRN_OK;
}

EXPORT int cairn_stats_v1(struct cairn_stats *stats)
{
	struct tally total;
	if (!is_loaded())
		return CAIRN_NOT_LOADED;
	if (!stats || stats->size_bytes < 8)
		return CAIRN_INVALID;
	const struct ledger *ledger = &profiler.ledger;
	read_total(ledger, &total);
	uint64_t rate_bytes = atomic_load_explicit(&profiler.rate_bytes, memory_order_relaxed);
	struct cairn_stats all = {
		.size_bytes = stats->size_bytes,
		.is_running = rate_bytes != 0,
		.rate_bytes = rate_bytes,
		.allocated_objects = total.allocated_objects,
		.allocated_bytes = total.allocated_bytes,
		.live_objects = total.live_objects,
		.live_bytes = total.live_bytes,
		.live_bytes_error = (uint64_t)__builtin_sqrt(total.live_bytes_variance),
		.peak_bytes = read_peak_bytes(ledger),
		.num_samples = read_num_samples(ledger),
		.num_sites = ledger_num_used(ledger, LEDGER_SITES) - 1,
		.num_dropped_stacks = ledger_get_count(ledger, LEDGER_COUNTER_dropped_stacks),
		.num_untracked = ledger_get_count(ledger, LEDGER_COUNTER_untracked_objects),
		.num_failed_dumps = ledger_get_count(ledger, LEDGER_COUNTER_failed_dumps),
		.ledger_bytes = atomic_load_explicit(&ledger->header->charged_bytes, memory_order_relaxed),
		.num_units = atomic_load_explicit(&ledger->header->num_units, memory_order_relaxed),
	};
	memcpy(stats, &all, stats->size_bytes < sizeof(all) ? stats->size_bytes : sizeof(all));
	return CAIRN_OK;
}

static int result_of(enum dump_result result)
{
	return result == DUMP_WRITTEN ? CAIRN_OK : result == DUMP_BUSY ? CAIRN_BUSY : CAIRN_FAILED;
}

EXPORT int cairn_dump_v1(const char *path)
{
	if (!is_loaded())
		return CAIRN_NOT_LOADED;
	return result_of(path ? dump_to_path(path, false) : dump_write("cairn_dump()"));
}

EXPORT int cairn_dump_peak_v1(const char *path)
{
	if (!is_loaded())
		return CAIRN_NOT_LOADED;
	return path ? result_of(dump_to_path(path, true)) : CAIRN_INVALID;
}

EXPORT int cairn_dump_fd_v1(int fd)
{
	if (!is_loaded())
		return CAIRN_NOT_LOADED;
	return fd >= 0 ? result_of(dump_to_fd(fd)) : CAIRN_INVALID;
}

EXPORT int cairn_add_work_v1(uint64_t num_units)
{
	if (!is_loaded())
		return CAIRN_NOT_LOADED;
	// Relaxed: a count, orders nothing.
	atomic_fetch_add_explicit(&profiler.ledger.header->num_units, num_units, memory_order_relaxed);
	return CAIRN_OK;
}
