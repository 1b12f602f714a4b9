// SPDX-License-Identifier: Apache-2.0
// Launching: what a program needs that is started with the library preloaded.  OUTSIDE.
#include "cli/launching.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/library.h"
#include "control/config.h"
#include "launch/program.h"
#include "target/list.h"

const char *const launching_variables[LAUNCHING_NUM_VARIABLES] = {
	"CAIRN_OUT",    "CAIRN_RATE",  "CAIRN_LEDGER", "CAIRN_INTERVAL", "CAIRN_SIGNAL",  "CAIRN_DUMP_GROWTH", "CAIRN_KEEP",
	"CAIRN_MEMORY", "CAIRN_ONLY",  "CAIRN_SEED",   "CAIRN_PEAK",	 "CAIRN_FATAL", "CAIRN_VERBOSE", "CAIRN_VERIFY_STACKS",
};

const char *launching_get_value(const struct launching *launching, enum launching_variable variable)
{
	const char *given = launching->values[variable], *inherited = getenv(launching_variables[variable]);
	return given ? given : inherited && *inherited ? inherited : NULL;
}

// The program would run unprofiled.
static bool check_inherited(struct error *error)
{
	for (int i = 0; i < LAUNCHING_NUM_VARIABLES; i++) {
		char storage[1024];
		struct text expected = TEXT_ON(storage);
		const char *value = getenv(launching_variables[i]);
		if (value && *value && !config_check(launching_variables[i], value, &expected))
			return error_set(error, "%s=%s", launching_variables[i], storage);
	}
	return true;
}

// A directory of this run's own, so that nothing else is in it.
static bool make_directory(struct launching *launching, struct error *error)
{
	const char *parent = launching_get_value(launching, LAUNCHING_LEDGER);
	if (!parent && !(parent = list_default_directory(error)))
		return false;
	mkdir(parent, 0700); // if it is not there
	char *absolute = realpath(parent, NULL);
	if (!absolute)
		return error_set(error, "%s: %s", parent, strerror(errno));
	char path[PATH_MAX];
	int length = snprintf(path, sizeof(path), "%s/run.XXXXXX", absolute);
	free(absolute);
	if (length >= (int)sizeof(path) || !mkdtemp(path))
		return error_set(error, "%s: no directory for ledgers can be made in it: %s", parent, strerror(errno));
	strcpy(launching->directory, path);
	// A server's workers may have become another user before they make theirs.
	if (geteuid() == 0)
		chmod(launching->directory, 01733);
	return true;
}

bool launching_init(struct launching *launching, const char *program, int own_failure, int *status, struct error *error)
{
	*status = own_failure;
	if (!check_inherited(error))
		return false;
	if (!launching->library[0] && !library_find(launching->library, error))
		return false;
	if (!program_find(program, &launching->path, status, error))
		return false;
	*status = own_failure;
	if (!launching->is_forced && !program_can_be_preloaded(launching->path, error)) {
		struct error why = *error;
		return error_set(error, "%s (--force starts it all the same)", why.message);
	}
	return make_directory(launching, error) &&
	       library_make_plain(launching->library, launching->directory, &launching->is_linked, error);
}

void launching_set_environment(void *context)
{
	const struct launching *launching = context;
	const char *before = getenv("LD_PRELOAD");
	char *preload = NULL, pid[32];
	for (int i = 0; i < LAUNCHING_NUM_VARIABLES; i++)
		if (launching->values[i])
			setenv(launching_variables[i], launching->values[i], 1);
	setenv(launching_variables[LAUNCHING_LEDGER], launching->directory, 1);
	unsetenv("CAIRN_PID");
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (launching->is_first_only)
		setenv("CAIRN_PID", pid, 1);
	if (before && *before && asprintf(&preload, "%s:%s", launching->library, before) > 0)
		setenv("LD_PRELOAD", preload, 1);
	else
		setenv("LD_PRELOAD", launching->library, 1);
}

// Those that are waiting were meant for the program that has ended.
void launching_let_signals_end_us(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	const struct sigaction ignored = { .sa_handler = SIG_IGN };
	struct sigaction before;
	sigset_t all;
	sigemptyset(&all);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		sigaction(signals[i], &ignored, &before);
		sigaction(signals[i], &before, NULL);
		sigaddset(&all, signals[i]);
	}
	sigprocmask(SIG_UNBLOCK, &all, NULL);
}

void launching_deinit(struct launching *launching, bool has_more)
{
	if (launching->is_linked && !has_more)
		unlink(launching->library);
	if (launching->directory[0])
		rmdir(launching->directory); // if nothing is left in it
	free(launching->path);
	launching->path = NULL;
}
