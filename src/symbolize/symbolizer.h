// SPDX-License-Identifier: Apache-2.0
/*
 * Symbolizer: gives the places of a store their functions, files and lines, inlined calls included.
 *
 * A place that has a file or a line already keeps what it has; one with a function only gets its lines if they can be
 * found.  What the file of a mapping cannot tell keeps its address.  A mapping has functions, filenames, line numbers
 * and inlined frames (profile.h) only if all its places have.  The same store and the same files give the same result,
 * and doing it again changes nothing.
 *
 * OUTSIDE; one thread.  Nothing in the profile or in the files is trusted, except for what they call their functions.
 */
#ifndef CAIRN_SYMBOLIZE_SYMBOLIZER_H
#define CAIRN_SYMBOLIZE_SYMBOLIZER_H

#include <sys/types.h>
#include <time.h>

#include "profile/store.h"
#include "symbolize/search.h"

struct symbolizer_request {
	struct symbols_search search; // where files are: below its root first, else on this machine
	pid_t pid;                    // whose /tmp/perf-PID.map names code that lies in no file; 0: nobody's
	time_t pid_since;             // if that process is gone: when it was there; older maps are those of others
	// Told which file is looked at, so many of so many.
	void (*show_progress)(void *context, size_t num_done, size_t num_all);
	// Told about a file that names nothing, why, and how many frames keep their addresses.
	void (*warn)(void *context, const char *message);
	void *context; // of both
};

struct symbolizer_result {
	size_t num_places, num_named, num_with_lines; // of all places in the store
};

void symbolizer_name(struct store *store, const struct symbolizer_request *request, struct symbolizer_result *result);

#endif
