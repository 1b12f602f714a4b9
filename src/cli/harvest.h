// SPDX-License-Identifier: Apache-2.0
/*
 * Harvest: the profiles of the processes of one `cairn run`, written from the ledgers that they left.
 *
 * OUTSIDE.
 */
#ifndef CAIRN_CLI_HARVEST_H
#define CAIRN_CLI_HARVEST_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "cli/naming.h"
#include "ledger/read.h"

struct harvest_request {
	const char *directory; // of the ledgers
	const char *pattern;   // of the names of profiles
	pid_t pid;             // the process that was started
	int wait_status;       // how it ended
	bool is_peak;          // write the peaks, too
	bool is_merged;        // one profile for all
	bool are_kept;         // ledgers stay also when their profile is written
};

struct harvest {
	unsigned num_written;    // profiles, peaks not counted
	unsigned num_running;    // processes that still run: their ledgers stay
	unsigned num_empty;      // processes other than the first that recorded nothing
	unsigned num_failed;     // ledgers that could not be read or written, and stay; error tells of the first
	struct error error;
	char failed_ledger[PATH_MAX];
	char path[PATH_MAX];     // the profile with most live bytes
	struct tally total;      // of it, or the sum of all
	struct ledger_header header; // of it, or of the first process
	bool is_estimate;
	char **files;            // all that was written, peaks too
	size_t num_files;
};

// A program that executed another one leaves the profile to that.  Ledgers whose profile is written, or that have
// nothing to tell, are removed unless they are to be kept.
void harvest_run(struct harvest *harvest, const struct harvest_request *request);
void harvest_deinit(struct harvest *harvest);

// Give the code in these profiles its names.  They are there already, so from here on signals may end this program.
void harvest_name(const struct harvest *harvest, struct naming *naming);

#endif
