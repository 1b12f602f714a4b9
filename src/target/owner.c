// SPDX-License-Identifier: Apache-2.0
// Owner: the process that keeps a ledger which was found as a file.  OUTSIDE.
#include "target/owner.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "target/process.h"

// Device numbers differ between stat() and /proc/PID/maps on some file systems, so the name decides with the inode.
static bool is_same_file(const struct source *source, const struct source_mapping *mapping)
{
	return mapping->inode == source->inode &&
	       strcmp(text_base_name(mapping->path), text_base_name(source->path)) == 0;
}

static bool try_process(struct source *source, pid_t pid, uint64_t expected_start)
{
	struct source_mapping mapping;
	bool is_found = source_find_mapping(pid, &mapping);
	bool is_owner = is_found && is_same_file(source, &mapping);
	// What may not be looked into is told by its time of start.
	if (!is_found && (errno == EACCES || errno == EPERM))
		is_owner = expected_start && process_is_alive(pid) && process_start(pid) == expected_start;
	if (is_owner) {
		source->pid = pid;
		source->pid_start = process_start(pid);
		source->start = is_found ? mapping.start : 0;
	}
	if (is_found)
		free(mapping.path);
	return is_owner;
}

// Try all processes.
static bool find_anywhere(struct source *source)
{
	bool is_found = false;
	DIR *processes = opendir("/proc");
	struct dirent *entry;
	while (processes && !is_found && (entry = readdir(processes)))
		is_found = atoi(entry->d_name) > 0 && try_process(source, atoi(entry->d_name), 0);
	if (processes)
		closedir(processes);
	return is_found;
}

void owner_find(struct source *source, const struct ledger_header *header)
{
	struct stat namespace;
	uint64_t own_namespace = stat("/proc/self/ns/pid", &namespace) == 0 ? namespace.st_ino : 0;
	if (header->pid_namespace == 0 || header->pid_namespace == own_namespace)
		try_process(source, (pid_t)header->pid, header->process_start);
	else
		find_anywhere(source);
}

pid_t owner_of_file(const char *path)
{
	struct stat status;
	struct source source = { .fd = -1, .path = (char *)path };
	if (stat(path, &status) != 0)
		return 0;
	source.inode = status.st_ino;
	return find_anywhere(&source) ? source.pid : 0;
}
