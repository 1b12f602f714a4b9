// SPDX-License-Identifier: Apache-2.0
/*
 * cairn: the heap profiler's interface for programs that want to steer it.
 *
 * The library is loaded into a program from outside (LD_PRELOAD), so a program must not depend on it.
 * Each function here looks the library up when it is called: without it the program links and runs
 * all the same, and the functions return CAIRN_NOT_LOADED.  On glibc older than 2.34 link with -ldl.
 *
 * All functions may be called from any thread, not from a signal handler.  They return 0 or more for
 * success and one of the negative values of enum cairn_error otherwise; errno is left as it was.
 */
#ifndef CAIRN_H
#define CAIRN_H

#include <dlfcn.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum cairn_error {
	CAIRN_OK = 0,
	CAIRN_NOT_LOADED = -1, // libcairn.so is not in this process, or it stepped aside at start
	CAIRN_INVALID = -2,    // an argument is out of its range
	CAIRN_FAILED = -3,     // the file could not be written; CAIRN_VERBOSE=1 says why
	CAIRN_BUSY = -4,       // another dump has been running for more than ten seconds
};

// What cairn knows about the program's heap and about itself.  Bytes are bytes as requested by the
// program.  Where sampling is on, objects and bytes are unbiased estimates.
struct cairn_stats {
	uint32_t size_bytes;         // in: sizeof(struct cairn_stats), so that the struct may grow
	uint32_t is_running;         // 1: sampling now, 0: stopped or rate 0
	uint64_t rate_bytes;         // mean distance between samples; 1: exact; 0: off
	uint64_t allocated_objects;  // since start or cairn_reset()
	uint64_t allocated_bytes;
	uint64_t live_objects;       // now
	uint64_t live_bytes;
	uint64_t live_bytes_error;   // one standard error of live_bytes; 0 in exact mode
	uint64_t peak_bytes;         // the largest live_bytes so far
	uint64_t num_samples;        // allocations recorded
	uint64_t num_sites;          // distinct call stacks
	uint64_t num_dropped_stacks; // allocations that went to [ledger full]
	uint64_t num_untracked;      // blocks whose freeing cannot be seen, because the ledger was full
	uint64_t num_failed_dumps;
	uint64_t ledger_bytes;       // memory in use by the tallies
	uint64_t num_units;          // of work, by cairn_add_work()
};

#define CAIRN_CALL_(name, type, ...)                                          \
	union { void *pointer; type; } cairn_call_;                           \
	cairn_call_.pointer = dlsym((void *)0, name);                         \
	return cairn_call_.pointer ? cairn_call_.function(__VA_ARGS__) : (int)CAIRN_NOT_LOADED

// Begin to record again after cairn_stop(), at the last rate that was not 0 (512 KiB if there was none).
static inline int cairn_start(void)
{
	CAIRN_CALL_("cairn_start_v1", int (*function)(void), );
}

// Record no more allocations.  Blocks recorded so far are still followed until they are freed.
static inline int cairn_stop(void)
{
	CAIRN_CALL_("cairn_stop_v1", int (*function)(void), );
}

// Set the mean distance in bytes between samples: 1 is exact, 0 stops, at most 1 TiB.  The calling
// thread follows at once, any other within the next MiB that it allocates; estimates stay unbiased.
static inline int cairn_set_rate(uint64_t rate_bytes)
{
	CAIRN_CALL_("cairn_set_rate_v1", int (*function)(uint64_t), rate_bytes);
}

// The rate in bytes (0: not recording), or a negative error.
static inline int64_t cairn_get_rate(void)
{
	CAIRN_CALL_("cairn_get_rate_v1", int64_t (*function)(void), );
}

// Begin a new epoch: the cumulative tallies (alloc_*) count from zero, live blocks (inuse_*) stay.
static inline int cairn_reset(void)
{
	CAIRN_CALL_("cairn_reset_v1", int (*function)(void), );
}

// Fill *stats; set stats->size_bytes first.
static inline int cairn_stats(struct cairn_stats *stats)
{
	CAIRN_CALL_("cairn_stats_v1", int (*function)(struct cairn_stats *), stats);
}

// Write a heap profile of this moment (gzipped profile.proto).  path is taken as it is, except that
// NULL means the next file of CAIRN_OUT; an existing file is replaced in one step.
static inline int cairn_dump(const char *path)
{
	CAIRN_CALL_("cairn_dump_v1", int (*function)(const char *), path);
}

// The same at the moment when the heap was largest: inuse_* is what was live then.
static inline int cairn_dump_peak(const char *path)
{
	CAIRN_CALL_("cairn_dump_peak_v1", int (*function)(const char *), path);
}

// Write the profile of this moment to a descriptor that is open for writing, which stays open.
static inline int cairn_dump_fd(int fd)
{
	CAIRN_CALL_("cairn_dump_fd_v1", int (*function)(int), fd);
}

// Tell that so many units of work were done, such as requests: `cairn leaks --growth` says what leaks in each.
static inline int cairn_add_work(uint64_t num_units)
{
	CAIRN_CALL_("cairn_add_work_v1", int (*function)(uint64_t), num_units);
}

#undef CAIRN_CALL_

#ifdef __cplusplus
}
#endif
#endif
