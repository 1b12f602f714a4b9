// SPDX-License-Identifier: Apache-2.0
/*
 * Download: files by build id from the servers that the user names in DEBUGINFOD_URLS.
 *
 * libdebuginfod does it, and is loaded when it is first needed: without it, or without the variable, nothing is asked.
 * What was downloaded stays in the library's own cache.
 *
 * OUTSIDE; one thread.  What a server sends is checked by the caller.
 */
#ifndef CAIRN_SYMBOLIZE_DOWNLOAD_H
#define CAIRN_SYMBOLIZE_DOWNLOAD_H

#include <stdbool.h>

#include "symbolize/search.h"

enum download_kind {
	DOWNLOAD_PROGRAM, // the executable file or library itself
	DOWNLOAD_DEBUG,   // its debug information
};

// The path of the file in the cache, to be freed; NULL: no server has it, or it took too long.
char *download_find(enum download_kind kind, const char *build_id, const struct symbols_search *search);

#endif
