// SPDX-License-Identifier: Apache-2.0
// Download: files by build id.  OUTSIDE.
#include "symbolize/download.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

// The parts of <elfutils/debuginfod.h> that are used; its interface is versioned and stable.
struct client;
struct library {
	struct client *(*begin)(void);
	void (*end)(struct client *client);
	void (*set_progress)(struct client *client, int (*progress)(struct client *client, long done, long all));
	void (*set_user_data)(struct client *client, void *data);
	void *(*get_user_data)(struct client *client);
	// Both return a descriptor; a length of 0 means that the build id is a string in hexadecimal.
	int (*find_debug)(struct client *client, const unsigned char *build_id, int length, char **path);
	int (*find_program)(struct client *client, const unsigned char *build_id, int length, char **path);
};

static struct library library;

struct progress {
	const struct symbols_search *search;
	const char *what;
	int64_t limit_ns; // on the clock
};

static int64_t read_clock(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static bool load_function(void *from, const char *name, void *function)
{
	*(void **)function = dlsym(from, name);
	return *(void **)function != NULL;
}

static bool load_library(void)
{
	void *from = library.begin ? NULL : dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!from)
		return library.begin != NULL;
	bool is_whole = load_function(from, "debuginfod_end", &library.end) &&
			load_function(from, "debuginfod_set_progressfn", &library.set_progress) &&
			load_function(from, "debuginfod_set_user_data", &library.set_user_data) &&
			load_function(from, "debuginfod_get_user_data", &library.get_user_data) &&
			load_function(from, "debuginfod_find_debuginfo", &library.find_debug) &&
			load_function(from, "debuginfod_find_executable", &library.find_program) &&
			load_function(from, "debuginfod_begin", &library.begin);
	return is_whole;
}

// The library's question, several times a second, whether to go on: 0 means yes.
static int go_on(struct client *client, long done, long all)
{
	struct progress *progress = library.get_user_data(client);
	const struct symbols_search *search = progress->search;
	if (search->show_progress)
		search->show_progress(search->context, progress->what, done, all);
	return read_clock() >= progress->limit_ns;
}

char *download_find(enum download_kind kind, const char *build_id, const struct symbols_search *search)
{
	const char *urls = getenv("DEBUGINFOD_URLS");
	char what[200], *path = NULL;
	if (search->download_limit_ns <= 0 || !urls || !*urls || !*build_id || !load_library())
		return NULL;
	struct client *client = library.begin();
	if (!client)
		return NULL;
	snprintf(what, sizeof(what), "%s with build id %s", kind == DOWNLOAD_DEBUG ? "debug information" : "program", build_id);
	struct progress progress = { search, what, read_clock() + search->download_limit_ns };
	library.set_user_data(client, &progress);
	library.set_progress(client, go_on);
	int fd = (kind == DOWNLOAD_DEBUG ? library.find_debug : library.find_program)(client, (const unsigned char *)build_id, 0,
										       &path);
	if (fd >= 0)
		close(fd);
	library.end(client);
	return fd >= 0 ? path : NULL;
}
