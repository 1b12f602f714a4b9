// SPDX-License-Identifier: Apache-2.0
// Naming: the symbolization pass as commands offer it.  OUTSIDE.
#include "cli/naming.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "cli/command.h"

#define DEFAULT_DOWNLOAD_LIMIT_NS INT64_C(90000000000)

enum { KEY_SYSROOT = 0x4000, KEY_DEBUG_DIRECTORY, KEY_DOWNLOAD_TIMEOUT };

static const struct argp_option options[] = {
	{ NULL, 0, NULL, 0, "Where names come from:", 50 },
	{ "sysroot", KEY_SYSROOT, "DIR", 0, "programs and libraries are below this directory: those of a container, an image or "
					    "another machine", 50 },
	{ "debug-dir", KEY_DEBUG_DIRECTORY, "DIR", 0, "look for separate debug files here first (before /usr/lib/debug); may be "
						      "given several times", 50 },
	{ "download-timeout", KEY_DOWNLOAD_TIMEOUT, "TIME", 0, "how long to wait for each file from the servers in DEBUGINFOD_URLS "
							       "(default 90s)", 50 },
	{ 0 },
};

static void check_directory(struct argp_state *state, const char *option, const char *path)
{
	struct stat status;
	if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode))
		argp_error(state, "%s: %s: no such directory", option, path);
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct naming *naming = state->input;
	switch (key) {
	case KEY_SYSROOT:
		check_directory(state, "--sysroot", argument);
		naming->sysroot = strcmp(argument, "/") == 0 ? "" : argument;
		return 0;
	case KEY_DEBUG_DIRECTORY:
		check_directory(state, "--debug-dir", argument);
		if (naming->num_debug_directories == NAMING_MAX_DEBUG_DIRECTORIES)
			argp_error(state, "--debug-dir: at most %d", NAMING_MAX_DEBUG_DIRECTORIES);
		naming->debug_directories[naming->num_debug_directories++] = argument;
		return 0;
	case KEY_DOWNLOAD_TIMEOUT:
		if (!text_read_duration(argument, &naming->download_limit_ns) || naming->download_limit_ns <= 0)
			argp_error(state, "--download-timeout: %s: expected a time such as 500ms, 30s or 5m", argument);
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

const struct argp naming_argp = { options, parse, NULL, NULL, NULL, NULL, NULL };

static void show_download(void *context, const char *what, long done, long all)
{
	(void)context;
	command_show_progress(what, (size_t)(done > 0 ? done : 0) >> 10, (size_t)(all > 0 ? all : 0) >> 10);
}

static void show_progress(void *context, size_t num_done, size_t num_all)
{
	(void)context;
	command_show_progress("frames named", num_done, num_all);
}

static void warn(void *context, const char *message)
{
	const struct naming *naming = context;
	struct error warning;
	if (naming->is_quiet)
		return;
	command_end_progress();
	error_set(&warning, "%s", message);
	fprintf(stderr, "cairn: warning: %s\n", warning.message);
}

// The process that a profile written by cairn is of, and since when it was there; 0: it does not say, or there are several.
static pid_t find_pid(const struct store *store, time_t *since)
{
	int pid = 0, found;
	long long seconds;
	for (size_t i = 0; i < store->sides[0].num_comments; i++) {
		if (sscanf(store->sides[0].comments[i], "process: %d, profiled since %lld", &found, &seconds) != 2)
			continue;
		if (pid)
			return 0;
		pid = found;
		*since = seconds;
	}
	return pid > 0 ? pid : 0;
}

void naming_run(struct naming *naming, struct store *store)
{
	char root[40] = "";
	time_t since = 0;
	pid_t pid = naming->pid ? naming->pid : find_pid(store, &since);
	if (naming->pid)
		snprintf(root, sizeof(root), "/proc/%d/root", (int)naming->pid);
	const struct symbolizer_request request = {
		.search = {
			.root = naming->sysroot ? naming->sysroot : root,
			.debug_directories = naming->debug_directories,
			.num_debug_directories = naming->num_debug_directories,
			.download_limit_ns = naming->download_limit_ns ? naming->download_limit_ns : DEFAULT_DOWNLOAD_LIMIT_NS,
			.show_progress = show_download,
		},
		.pid = pid,
		.pid_since = since,
		.show_progress = show_progress,
		.warn = warn,
		.context = naming,
	};
	symbolizer_name(store, &request, &naming->result);
	command_end_progress();
}
