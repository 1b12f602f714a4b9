// SPDX-License-Identifier: Apache-2.0
// Named: the target that a user means.  OUTSIDE.
#include "cli/named.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "target/list.h"
#include "target/process.h"

static bool open_pid(struct target **target, pid_t pid, struct error *error)
{
	char name[32];
	snprintf(name, sizeof(name), "%d", (int)pid);
	return target_open(target, name, error);
}

static bool is_cairn(pid_t pid)
{
	char link[32], path[PATH_MAX];
	snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
	ssize_t length = readlink(link, path, sizeof(path) - 1);
	path[length > 0 ? length : 0] = 0;
	return strcmp(text_base_name(path), "cairn") == 0;
}

// The only child of a process that is profiled; 0: none, or several.
static pid_t find_child(pid_t parent)
{
	pid_t found = 0;
	DIR *processes = opendir("/proc");
	struct dirent *entry;
	while (processes && (entry = readdir(processes))) {
		struct target *target;
		struct error ignored;
		pid_t pid = atoi(entry->d_name);
		if (pid <= 0 || process_parent(pid) != parent || !open_pid(&target, pid, &ignored))
			continue;
		target_close(target);
		found = found ? -1 : pid;
	}
	if (processes)
		closedir(processes);
	return found > 0 ? found : 0;
}

// The newest ledger of a process that had this id.
static bool open_left(struct target **target, pid_t pid, struct error *error)
{
	struct list list;
	const struct list_entry *found = NULL;
	list_init(&list, NULL, 0);
	for (size_t i = 0; i < list.num_entries; i++)
		if (list.entries[i].is_readable && !list.entries[i].pid && list.entries[i].header.pid == (uint32_t)pid)
			found = &list.entries[i];
	bool is_open = found && target_open_file(target, found->path, error);
	list_deinit(&list);
	return is_open;
}

bool named_open(struct target **target, const char *name, struct error *error)
{
	struct error ignored;
	if (target_open(target, name, error))
		return true;
	if (!*name || name[strspn(name, "0123456789")])
		return false;
	pid_t pid = atoi(name), process = process_of_thread(pid), child = 0;
	if (!process_is_alive(pid))
		return open_left(target, pid, &ignored);
	if (process != pid)
		return process && open_pid(target, process, error);
	child = is_cairn(pid) ? find_child(pid) : 0;
	return child && open_pid(target, child, &ignored);
}
