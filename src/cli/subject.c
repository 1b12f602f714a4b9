// SPDX-License-Identifier: Apache-2.0
// Subject: what a report is of.  OUTSIDE.
#include "cli/subject.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/named.h"
#include "cli/naming.h"
#include "cli/snapshot.h"
#include "ledger/layout.h"
#include "pprof/reader.h"

#define PROCESS_COMMENT "process: " // of profiles written by cairn: its pid and when it began

// How a store's stream ended, once what fed it is done.
static bool finish(const struct store *store, const char *name, bool is_taken, struct error *error)
{
	const char *problem = store_get_problem(store);
	if (is_taken || *error->message)
		return is_taken;
	return error_set(error, "%s: %s", name, problem ? problem : "its parts do not fit together");
}

// A ledger, told by what it begins with, or the id of a process.
static bool is_target(const char *name)
{
	char magic[sizeof(((struct ledger_header *)0)->magic)];
	struct stat status;
	if (*name && !name[strspn(name, "0123456789")])
		return true;
	if (stat(name, &status) != 0 || !S_ISREG(status.st_mode))
		return false;
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	bool is_ledger = fd >= 0 && pread(fd, magic, sizeof(magic), 0) == sizeof(magic) &&
			 memcmp(magic, LEDGER_MAGIC, sizeof(magic)) == 0;
	if (fd >= 0)
		close(fd);
	return is_ledger;
}

static bool push_target(const char *name, const struct profile_sink *sink, pid_t *pid, struct error *error)
{
	struct target *target;
	if (!named_open(&target, name, error))
		return false;
	struct snapshot snapshot = { .target = target };
	*error->message = 0;
	*pid = target_pid(target);
	bool is_taken = snapshot_push(&snapshot, sink);
	target_close(target);
	return is_taken;
}

// A file or, as a shell's <(command) gives, a pipe.
static bool push_file(const char *name, const struct profile_sink *sink, struct error *error)
{
	struct stat status;
	if (strcmp(name, "-") == 0)
		return reader_read_stream("standard input", STDIN_FILENO, sink, error);
	if (stat(name, &status) != 0 || !S_ISFIFO(status.st_mode))
		return reader_read_file(name, sink, error);
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return error_set(error, "%s: %s", name, strerror(errno));
	bool is_read = reader_read_stream(name, fd, sink, error);
	close(fd);
	return is_read;
}

// *pid: of the process, if it is one that lives, else 0.
static bool add(struct store *store, const char *name, uint32_t side, enum store_sign sign, pid_t *pid, struct error *error)
{
	const struct profile_sink *sink = store_begin(store, side, sign);
	*error->message = 0;
	*pid = 0;
	bool is_taken = is_target(name) ? push_target(name, sink, pid, error) : push_file(name, sink, error);
	return finish(store, name, is_taken, error);
}

bool subject_add(struct store *store, const char *name, uint32_t side, enum store_sign sign, struct error *error)
{
	pid_t pid;
	return add(store, name, side, sign, &pid, error);
}

// What the last one does not name is told at the end.
static void name_before_last(struct naming *naming, struct store *store)
{
	bool was_quiet = naming->is_quiet;
	naming->is_quiet = true;
	naming_run(naming, store);
	naming->is_quiet = was_quiet;
}

bool subject_add_named(struct store *store, const char *const *names, uint32_t num_names, struct naming *naming,
		       struct error *error)
{
	for (uint32_t i = 0; i < num_names; i++) {
		if (!add(store, names[i], i, STORE_ADD, &naming->pid, error))
			return false;
		if (i + 1 == num_names)
			naming_run(naming, store);
		else if (naming->pid) // its files are elsewhere than the next one's; a place that has a name keeps it
			name_before_last(naming, store);
	}
	return true;
}

// NULL: it does not tell.
static const char *find_process(const struct store_side *side)
{
	for (size_t i = 0; i < side->num_comments; i++)
		if (strncmp(side->comments[i], PROCESS_COMMENT, strlen(PROCESS_COMMENT)) == 0)
			return side->comments[i];
	return NULL;
}

bool subject_is_one_process(const struct store *store)
{
	const char *old = find_process(&store->sides[0]), *new = find_process(&store->sides[1]);
	return old && new && strcmp(old, new) == 0;
}
