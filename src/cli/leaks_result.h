// SPDX-License-Identifier: Apache-2.0
/*
 * Leaks, result: what became of the live blocks of the processes that were looked at, and how it is told.
 *
 * OUTSIDE; one thread.
 */
#ifndef CAIRN_CLI_LEAKS_RESULT_H
#define CAIRN_CLI_LEAKS_RESULT_H

#include <stdio.h>
#include <sys/types.h>

#include "base/text.h"
#include "cli/leaks.h"
#include "leaks/inspection.h"
#include "leaks/rules.h"
#include "leaks/verdict.h"
#include "profile/store.h"

enum leaks_process_state {
	LEAKS_JUDGED,
	LEAKS_NOT_JUDGED,   // its live blocks are of kind LEAK_UNKNOWN
	LEAKS_NOT_READ,     // not even those are known
	LEAKS_NOT_RECORDED, // it was not profiled
	LEAKS_NUM_STATES,
};

struct leaks_process {
	pid_t pid;
	char *program; // base name
	enum leaks_process_state state;
	bool is_running; // still, and may lose more
	char *why; // it could not be told; of one that was judged: what was not recorded of it; NULL: all is well
	struct leak_sum sums[LEAK_NUM_KINDS]; // as found, before rules
	uint64_t scanned_bytes;
	int64_t read_ns;
};

struct leaks_result {
	const struct leaks_request *request;
	char *subject;       // "./server"
	pid_t pid;           // of the process, if it is one that runs; else 0
	struct store *store; // what was found in all processes
	struct leaks_process *processes;
	size_t num_processes;
	size_t num_in_state[LEAKS_NUM_STATES];
	int64_t pause_ns; // for which a process that goes on was stopped; below 0: there is none
	int program_status; // of a program that failed, as a shell would have it; 0: it did not
	int program_signal; // that ended it; 0: none
	size_t num_left;    // processes of a program that still run
	uint64_t rate_bytes; // the largest of those judged, if tallies are estimates; 0: they are exact
	bool has_samples;    // of those with estimates some has
	bool has_foreign_allocator;

	// Made of these by leaks_result_conclude().
	struct leak_rules *rules;
	struct leak_value hidden; // by rules
	struct view *view;
	struct verdict verdict;
	struct leak_value lost;   // of the kinds that count
	size_t num_lost_rows;
	enum leaks_status answer;
	int status; // to end with
	char doubt[1024]; // why it could not be told
};

// subject is what users called it, or the name of the program that runs.
void leaks_result_init(struct leaks_result *result, const struct leaks_request *request, const char *subject);
void leaks_result_deinit(struct leaks_result *result);

// The rules that were asked for.
bool leaks_result_add_rules(struct leaks_result *result, struct error *error);

// A process that was not looked at; why is NULL if there is nothing to say.
struct leaks_process *leaks_result_add(struct leaks_result *result, pid_t pid, const char *program,
				       enum leaks_process_state state, const char *why);
// One whose blocks are classified now.  If that fails they are of kind LEAK_UNKNOWN, and the process says why.
void leaks_result_judge(struct leaks_result *result, pid_t pid, const struct inspection_request *request);
// One whose blocks cannot be classified, because of why.
struct leaks_process *leaks_result_add_unknown(struct leaks_result *result, pid_t pid, const struct target *target,
					       const char *why);

// Names, rules and verdict; pid: of the process whose files are to be read, 0: those that are here.
bool leaks_result_conclude(struct leaks_result *result, pid_t pid, struct error *error);
// Print it and write the files that were asked for.
bool leaks_result_show(const struct leaks_result *result, struct error *error);

// The forms in which it is printed, to a stream that is checked by the caller.
void leaks_print_text(FILE *to, const struct leaks_result *result);
void leaks_print_json(FILE *to, const struct leaks_result *result);

// True for rows that make it a leak.
bool leaks_result_counts(const struct leaks_result *result, const struct leak_row *row);

// False for a stack of which all is lost with blocks of other stacks, which show it.
bool leaks_result_is_own(const struct leaks_result *result, const struct leak_row *row);

// "1,000 bytes in 1 block are definitely lost".
void leaks_add_loss(struct text *text, const struct leak_row *row);
// "the program failed with status 3".
void leaks_add_failure(struct text *text, const struct leaks_result *result);
// "LEAK: 1,000 bytes in 1 block lost in 1 stack".
void leaks_add_answer(struct text *text, const struct leaks_result *result);
// A line for each frame, with its place, made harmless by one of printable.h's functions.
void leaks_print_stack(FILE *to, const struct leaks_result *result, const struct leak_row *row, const char *indent,
		       void (*add)(struct text *text, const char *string));

#endif
