// SPDX-License-Identifier: Apache-2.0
/*
 * Configuration: the CAIRN_* variables of the environment.
 *
 * BOTH worlds.  The program reads them once, at the first allocation; everything is copied, since it may change
 * its environment or write over it.  `cairn run` checks values before it sets them.
 */
#ifndef CAIRN_CONTROL_CONFIG_H
#define CAIRN_CONTROL_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

#define CONFIG_MAX_PATH 4096
#define CONFIG_MAX_ONLY 1024
#define CONFIG_DEFAULT_OUT "cairn.%e.%p.%n.pb.gz"

struct config {
	char out[CONFIG_MAX_PATH];   // CAIRN_OUT: pattern of file names
	char ledger[CONFIG_MAX_PATH]; // CAIRN_LEDGER: directory; "": the ledger is in memory
	uint64_t rate_bytes;         // CAIRN_RATE
	bool has_seed;               // CAIRN_SEED is set
	uint64_t seed;
	uint64_t memory_bytes;       // CAIRN_MEMORY: limit of the ledger
	int64_t interval_ns;         // CAIRN_INTERVAL; 0: none
	uint64_t keep;               // CAIRN_KEEP: dumps; 0: all
	int signal;                  // CAIRN_SIGNAL; 0: none
	uint64_t growth_bytes;       // CAIRN_DUMP_GROWTH; 0: none
	bool is_peak;                // CAIRN_PEAK
	bool is_fatal;               // CAIRN_FATAL
	char only[CONFIG_MAX_ONLY];  // CAIRN_ONLY: names separated by commas; "": all programs
	uint64_t only_pid;           // CAIRN_PID: the only process to be profiled; 0: all
	bool is_naming;              // CAIRN_SYMBOLIZE is "names"
	bool is_verbose;             // CAIRN_VERBOSE
	bool is_verifying;           // CAIRN_VERIFY_STACKS
};

// Read environment (as environ); a variable that is empty counts as not set.  False if a variable cannot be
// understood: then error tells which, what it is and what is accepted.
bool config_read(struct config *config, char *const *environment, struct text *error);

// Check a value of one variable.  False if it cannot be understood: then error tells what it is and what is
// accepted.  Not for concurrent use.
bool config_check(const char *name, const char *value, struct text *error);

// False for an entry of the environment that looks like a variable of cairn's but is none: a spelling
// mistake, perhaps.  *name is then the entry.
bool config_is_known(const char *entry, const char **name);

// True if name is in the list of CAIRN_ONLY, or the list is empty.
bool config_is_wanted(const struct config *config, const char *name);

#endif
