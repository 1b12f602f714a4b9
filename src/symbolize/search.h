// SPDX-License-Identifier: Apache-2.0
/*
 * Search: where to look for files that belong to a program: separate debug information and parts of it.
 *
 * OUTSIDE.
 */
#ifndef CAIRN_SYMBOLIZE_SEARCH_H
#define CAIRN_SYMBOLIZE_SEARCH_H

#include <stddef.h>
#include <stdint.h>

struct symbols_search {
	const char *root; // looked in before this machine's own root: "", "/proc/PID/root" or a directory
	const char *const *debug_directories; // before /usr/lib/debug
	size_t num_debug_directories;
	int64_t download_limit_ns; // for each file from a server of DEBUGINFOD_URLS; 0: never asked
	// What is being downloaded and how much of it there is, in bytes (all is 0 if not known yet).  NULL: nobody looks.
	void (*show_progress)(void *context, const char *what, long done, long all);
	void *context;
};

#endif
