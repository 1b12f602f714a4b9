// SPDX-License-Identifier: Apache-2.0
/*
 * Leaks: what the parts of `cairn leaks` have in common.
 *
 * OUTSIDE.
 */
#ifndef CAIRN_CLI_LEAKS_H
#define CAIRN_CLI_LEAKS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "cli/viewing.h"
#include "leaks/kind.h"

// Exit statuses.
enum leaks_status {
	LEAKS_CLEAN = 0,
	LEAKS_FOUND = 1, // or what --exit-code says
	LEAKS_UNTOLD = 2,
};

enum leaks_form { LEAKS_TEXT, LEAKS_JSON };

struct leaks_request {
	char *const *argv;     // PROGRAM ARGS; NULL: names[] counts
	const char *names[2];  // a process; or two profiles, ledgers or processes to compare
	pid_t pid;             // names[0], if it is a process and the only one
	struct viewing viewing;
	enum leaks_form form;
	const char *log;       // file for the verdict; NULL: standard error for a program, else standard output
	const char *junit;     // file; NULL: none
	const char *out;       // profile of what was found; NULL: none
	const char *suppressions[16];
	size_t num_suppressions;
	bool shows_all;        // no rules of cairn's own
	bool shows_reachable;  // their stacks, too
	bool is_verbose;       // which rules hid something, and each process
	bool counts_kind[LEAK_NUM_KINDS]; // these are leaks (definite and indirect)
	int64_t max_bytes;     // that may be lost (0)
	int64_t max_growth_bytes; // that may be gained, in bytes; for a duration it is per hour (0)
	double confidence;     // that what is called growth is no chance (0.999)
	int exit_code;         // for a leak (1)
	size_t max_rows;       // stacks that are shown (SIZE_MAX: all)
	// Growth of a process.
	int64_t growth_ns;     // how long to watch; 0: the process is inspected instead
	int64_t warmup_ns;     // to wait before that
	int64_t interval_ns;   // between snapshots; 0: a tenth
	int unit_signal;       // each such signal that cairn gets is a unit of work done; 0: none
	// Inspection of a running process.
	int64_t max_pause_ns;  // 0: no limit
	uint64_t memory_bytes; // that looking for pointers may take; also for a program
	// A program.
	bool is_first_only, is_untraced, is_forced;
	const char *rate;      // "1"
	const char *ledger_memory; // of each process, as CAIRN_MEMORY; NULL: the default
	char library[PATH_MAX];
};

// Each does its part, prints its verdict, and returns the exit status; what went wrong is an error for the caller to print,
// and LEAKS_UNTOLD.
bool leaks_of_program(const struct leaks_request *request, int *status, struct error *error);
bool leaks_of_process(const struct leaks_request *request, int *status, struct error *error);
bool leaks_by_growth(const struct leaks_request *request, int *status, struct error *error);   // --growth
bool leaks_between(const struct leaks_request *request, int *status, struct error *error);     // OLD NEW

#endif
