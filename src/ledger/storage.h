// SPDX-License-Identifier: Apache-2.0
/*
 * Storage: where a ledger is kept, in memory only or in a file that outlives its program.
 *
 * INSIDE.  No descriptor stays open.
 */
#ifndef CAIRN_LEDGER_STORAGE_H
#define CAIRN_LEDGER_STORAGE_H

#include <stdbool.h>
#include <stdint.h>

struct storage {
	const char *directory; // absolute; NULL: in memory.  Made if it is not there, but the one above it is.
	const char *program;   // base name
};

// Map size_bytes of shared memory that cannot be accessed yet: a new file PROGRAM.PID.cairn in the directory if
// *is_file, else a memfd, so that it has a name in /proc/PID/maps, or else without one.  The file is made with
// mode 0600, follows no symbolic link and replaces nothing; its directory must belong to this user or to root,
// and nobody else may replace files in it.  0 or an errno value; with is_file there is then no new file.
int storage_map(const struct storage *storage, bool is_file, uint64_t size_bytes, void **memory);

// Put shared memory that is not in the file in the place of its last part.
bool storage_map_apart(void *memory, uint64_t size_bytes);

// Reserve pages of a file, which writing to them would otherwise do: on a full disk that is a SIGBUS.  False if
// there is no room, or the kernel (before 5.14) cannot tell.
bool storage_reserve(void *memory, uint64_t start_bytes, uint64_t limit_bytes);

// The file that storage_map() made for this process last is not wanted.
void storage_remove(const struct storage *storage);

#endif
