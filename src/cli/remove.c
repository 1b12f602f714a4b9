// SPDX-License-Identifier: Apache-2.0
// `cairn remove`: delete the ledgers of dead programs.  OUTSIDE.
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/command.h"
#include "cli/snapshot.h"
#include "target/list.h"

enum { KEY_ALL = 256 };

static const struct argp_option options[] = {
	{ "all", KEY_ALL, NULL, 0, "delete all ledgers of dead programs that 'cairn list' shows and that are yours", 0 },
	{ "quiet", 'q', NULL, 0, "do not say what was deleted", 0 },
	{ 0 },
};

struct request {
	bool is_all, is_quiet;
	char **paths;
	size_t num_paths;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct request *request = state->input;
	(void)argument;
	switch (key) {
	case KEY_ALL: request->is_all = true; return 0;
	case 'q': request->is_quiet = true; return 0;
	case ARGP_KEY_ARGS:
		request->paths = state->argv + state->next;
		request->num_paths = (size_t)(state->argc - state->next);
		return 0;
	case ARGP_KEY_END:
		if (!request->is_all && !request->num_paths)
			argp_error(state, "which? cairn remove LEDGER..., or --all");
		if (request->is_all && request->num_paths)
			argp_error(state, "--all and LEDGERs do not go together");
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	options, parse, "LEDGER...",
	"Delete ledgers of programs that are dead.  One whose program runs, or that is no ledger, is left alone."
	"\vExamples:\n"
	"  cairn remove /dev/shm/cairn-1000/run.p4Xz1Q/server.1234.cairn\n"
	"  cairn remove --all", NULL, NULL, NULL,
};

// The directory of a run goes with its last ledger.
static void remove_directory_of(const char *path)
{
	char *directory = memory_copy_string(path);
	char *end = strrchr(directory, '/');
	if (end)
		*end = 0;
	if (end && strncmp(text_base_name(directory), "run.", 4) == 0)
		rmdir(directory);
	free(directory);
}

static bool remove_ledger(const struct request *request, const char *path, struct error *error)
{
	char storage[256];
	struct text live = TEXT_ON(storage);
	struct target *target;
	struct tally total;
	if (!target_open_file(&target, path, error))
		return false;
	pid_t pid = target_pid(target);
	read_total(target_ledger(target), &total);
	snapshot_add_live(&live, &total, read_is_estimate(target_ledger(target)));
	target_close(target);
	if (pid)
		return error_set(error, "%s: its program runs (pid %d), so it stays", path, (int)pid);
	if (unlink(path) != 0)
		return error_set(error, "%s: cannot be deleted: %s", path, strerror(errno));
	remove_directory_of(path);
	if (!request->is_quiet)
		fprintf(stderr, "cairn: deleted %s: %s\n", path, storage);
	return true;
}

static bool is_own(const char *path)
{
	struct stat status;
	return lstat(path, &status) == 0 && status.st_uid == geteuid();
}

static int remove_all(const struct request *request)
{
	struct list list;
	int status = COMMAND_DONE;
	list_init(&list, NULL, 0);
	for (size_t i = 0; i < list.num_entries; i++) {
		const struct list_entry *entry = &list.entries[i];
		struct error error;
		if (entry->is_incomplete && !entry->pid && is_own(entry->path) && unlink(entry->path) == 0)
			remove_directory_of(entry->path);
		if (entry->is_readable && !entry->pid && is_own(entry->path) && !remove_ledger(request, entry->path, &error))
			status = command_fail(&error);
	}
	list_deinit(&list);
	return status;
}

int remove_main(int argc, char **argv)
{
	struct request request = { 0 };
	struct error error;
	int status = COMMAND_DONE;
	command_parse(&argp, argc, argv, 0, &request);
	setlocale(LC_CTYPE, "");
	if (request.is_all)
		return remove_all(&request);
	for (size_t i = 0; i < request.num_paths; i++)
		if (!remove_ledger(&request, request.paths[i], &error))
			status = command_fail(&error);
	return status;
}
