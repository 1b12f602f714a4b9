// SPDX-License-Identifier: Apache-2.0
/*
 * About: what a profile says of itself: of which program it is, how it was taken, and what is missing.
 *
 * cairn's profiles say it in comments (profile/from_ledger.c), others hardly do.
 *
 * OUTSIDE.
 */
#ifndef CAIRN_REPORT_ABOUT_H
#define CAIRN_REPORT_ABOUT_H

#include "profile/store.h"

// Strings are the store's, and harmless only after printable.h; "" is not known.
struct about {
	const char *kind;     // "heap", "CPU", "contention", "goroutine"; else what its first type is called
	const char *path;     // of the program
	char program[256];    // as it was called, without directory: what /usr/bin/redis-server is, though its file is redis-check-rdb
	const char *build_id;
	const char *command;  // with its arguments
	const char *recorder; // "cairn 0.1.0"
	uint32_t num_processes; // whose profiles were added, as far as they say; of several the others are of the first
	bool is_difference;     // to an earlier profile
	uint64_t pid;           // 0: not known
	int64_t start_time_ns; // when profiling began, since 1970; 0: not known
	bool is_off; // nothing was being recorded when it was taken
	bool has_num_samples; // not of several processes, nor of a difference: comments have those since the start
	uint64_t num_samples;
	bool is_complete;        // it says that nothing was dropped
	const char *losses[STORE_MAX_COMMENTS]; // "5 stacks cut at the depth limit"
	size_t num_losses;
};

// Of side 0.
void about_init(struct about *about, const struct store *store);

#endif
