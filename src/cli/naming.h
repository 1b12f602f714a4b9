// SPDX-License-Identifier: Apache-2.0
/*
 * Naming: the symbolization pass as commands offer it, with its options, progress and warnings.
 *
 * OUTSIDE.
 */
#ifndef CAIRN_CLI_NAMING_H
#define CAIRN_CLI_NAMING_H

#include <argp.h>
#include <stdbool.h>
#include <sys/types.h>

#include "symbolize/symbolizer.h"

#define NAMING_MAX_DEBUG_DIRECTORIES 16

struct naming {
	const char *sysroot; // NULL: this machine's, or the process's
	const char *debug_directories[NAMING_MAX_DEBUG_DIRECTORIES];
	size_t num_debug_directories;
	int64_t download_limit_ns; // 0: the default
	pid_t pid;                 // the process that the profile is of, if it lives: files are below its root; else 0
	bool is_quiet;             // no warnings
	struct symbolizer_result result;
};

// Options --sysroot, --debug-dir and --download-timeout; its input is a struct naming.
extern const struct argp naming_argp;

// Give a store's places their names; files that have none are told on stderr.  debuginfod is asked if DEBUGINFOD_URLS is
// set.
void naming_run(struct naming *naming, struct store *store);

#endif
