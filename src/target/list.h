// SPDX-License-Identifier: Apache-2.0
/*
 * List: the ledgers on this machine, of running processes and in files, and where those files are.
 *
 * OUTSIDE.
 */
#ifndef CAIRN_TARGET_LIST_H
#define CAIRN_TARGET_LIST_H

#include <stddef.h>

#include "target/target.h"

struct list_entry {
	bool is_readable;    // else error says why not, and of the rest only pid and path are known
	struct error error;
	bool is_incomplete;  // not readable because it holds nothing yet; if pid is 0, it never will
	pid_t pid;           // of the running process, as seen from here; 0: none is known
	char *path;          // NULL: in memory only
	char program[256];   // base name
	struct ledger_header header;
	struct tally total;
	bool is_estimate;
	uint64_t num_lost;
	uint64_t size_bytes; // of memory or disk that the ledger takes
};

struct list {
	struct list_entry *entries; // running ones first, each kind by time of start
	size_t num_entries;
};

// Find and read all *.cairn files in these directories and the run.* directories in them.  With num_directories 0: in
// those where ledgers are kept by default (list_default_directory() of all users, and CAIRN_LEDGER), and the ledgers of
// all processes that may be looked at; each ledger once.
void list_init(struct list *list, char *const *directories, size_t num_directories);
// The same of the *.cairn files in one directory only.
void list_init_directory(struct list *list, const char *directory);
void list_deinit(struct list *list);

// True if the process of a ledger went on as another program, which has a ledger of its own in the list.
bool list_has_executed(const struct list *list, const struct ledger_header *header);

// The directory of this user for ledgers, made (mode 0700, root's 0711) if it is not there: in /dev/shm, which is memory that
// survives processes, or else in TMPDIR or /tmp.  The string is static.  NULL if there is none that can be trusted.
const char *list_default_directory(struct error *error);

#endif
