// SPDX-License-Identifier: Apache-2.0
// Process: what /proc tells of a process.  OUTSIDE.
#include "target/process.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PF_KTHREAD 0x00200000 // <linux/sched.h>

static FILE *open_file(pid_t pid, const char *name)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return fopen(path, "re");
}

// Fields of /proc/PID/stat are counted from 1.  The second is a name in parentheses that may hold anything.
static bool read_stat(pid_t pid, int field, char *state, uint64_t *value)
{
	char line[1024];
	FILE *file = open_file(pid, "stat");
	if (!file)
		return false;
	size_t length = fread(line, 1, sizeof(line) - 1, file);
	fclose(file);
	line[length] = 0;
	char *at = strrchr(line, ')');
	if (!at || at[1] != ' ')
		return false;
	*state = at[2];
	for (int i = 2; at && i < field; i++)
		at = strchr(at + 1, ' ');
	*value = at ? strtoull(at + 1, NULL, 10) : 0;
	return at != NULL;
}

bool process_is_alive(pid_t pid)
{
	char state;
	uint64_t unused;
	return pid > 0 && read_stat(pid, 4, &state, &unused) && state != 'Z' && state != 'X';
}

bool process_is_of_kernel(pid_t pid)
{
	char state;
	uint64_t flags;
	return read_stat(pid, 9, &state, &flags) && flags & PF_KTHREAD;
}

uint64_t process_start(pid_t pid)
{
	char state;
	uint64_t start;
	return read_stat(pid, 22, &state, &start) ? start : 0;
}

uint64_t process_resident_bytes(pid_t pid)
{
	uint64_t size_pages, resident_pages;
	FILE *file = open_file(pid, "statm");
	if (!file)
		return 0;
	bool is_read = fscanf(file, "%" SCNu64 " %" SCNu64, &size_pages, &resident_pages) == 2;
	fclose(file);
	return is_read ? resident_pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

int64_t process_cpu_ns(pid_t pid)
{
	char state;
	uint64_t user, system;
	if (!read_stat(pid, 14, &state, &user) || !read_stat(pid, 15, &state, &system))
		return 0;
	return (int64_t)(user + system) * (1000000000 / sysconf(_SC_CLK_TCK));
}

pid_t process_parent(pid_t pid)
{
	char state;
	uint64_t parent;
	return read_stat(pid, 4, &state, &parent) ? (pid_t)parent : 0;
}

// The last word of a line of /proc/PID/status, as a number; false: there is none.
static bool read_status(pid_t pid, const char *field, int base, uint64_t *number)
{
	char line[512];
	bool is_found = false;
	FILE *file = open_file(pid, "status");
	if (!file)
		return false;
	while (!is_found && fgets(line, sizeof(line), file)) {
		const char *last = strncmp(line, field, strlen(field)) == 0 ? strrchr(line, '\t') : NULL;
		if (!last)
			continue;
		*number = strtoull(last, NULL, base);
		is_found = true;
	}
	fclose(file);
	return is_found;
}

static pid_t read_pid(pid_t pid, const char *field)
{
	uint64_t number;
	return read_status(pid, field, 10, &number) ? (pid_t)number : 0;
}

static uint64_t bit_of(int signal)
{
	return UINT64_C(1) << (signal - 1);
}

bool process_thread_is_killed(pid_t tid)
{
	uint64_t pending;
	return read_status(tid, "SigPnd:", 16, &pending) && pending & bit_of(SIGKILL);
}

static bool has_pending(pid_t pid, uint64_t signals)
{
	uint64_t of_process, of_thread;
	return read_status(pid, "ShdPnd:", 16, &of_process) && read_status(pid, "SigPnd:", 16, &of_thread) &&
	       (of_process | of_thread) & signals;
}

// One that is traced stays in state t until the tracer, who may be stopped itself, lets it go on.
bool process_is_stopped(pid_t pid)
{
	char state;
	uint64_t unused;
	if (!read_stat(pid, 4, &state, &unused))
		return false;
	return state == 'T' || (state == 't' && !has_pending(pid, bit_of(SIGCONT) | bit_of(SIGKILL)));
}

pid_t process_tracer(pid_t pid)
{
	return read_pid(pid, "TracerPid:");
}

bool process_find_user(pid_t pid, uid_t *user)
{
	uint64_t number; // the last one is of the file system, which follows the effective one
	if (!read_status(pid, "Uid:", 10, &number))
		return false;
	*user = (uid_t)number;
	return true;
}

pid_t process_of_thread(pid_t tid)
{
	return read_pid(tid, "Tgid:");
}

pid_t process_inner_pid(pid_t pid)
{
	return read_pid(pid, "NStgid:");
}

// A newline in a path is shown as "\012".
static char *unescape(char *path)
{
	for (char *at = path; (at = strstr(at, "\\012")); at++) {
		*at = '\n';
		memmove(at + 1, at + 4, strlen(at + 4) + 1);
	}
	return path;
}

// "START-LIMIT PERMISSIONS OFFSET DEVICE INODE   PATH", as proc(5) has it.
static bool read_mapping(char *line, struct process_mapping *mapping)
{
	char permissions[8];
	int path_at = 0;
	line[strcspn(line, "\n")] = 0;
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %*s %" SCNu64 " %n", &mapping->start, &mapping->limit,
		   permissions, &mapping->offset, &mapping->inode, &path_at) < 5)
		return false;
	mapping->is_readable = permissions[0] == 'r';
	mapping->is_writable = permissions[1] == 'w';
	mapping->is_shared = permissions[3] == 's';
	mapping->path = path_at ? unescape(line + path_at) : "";
	return true;
}

bool process_read_mappings(pid_t pid, bool (*visit)(void *context, const struct process_mapping *mapping), void *context)
{
	char *line = NULL;
	size_t size = 0;
	FILE *file = open_file(pid, "maps");
	if (!file)
		return false;
	bool goes_on = true;
	struct process_mapping mapping;
	errno = 0;
	while (goes_on && getline(&line, &size, file) > 0)
		goes_on = !read_mapping(line, &mapping) || visit(context, &mapping);
	bool is_read = !goes_on || !ferror(file);
	free(line);
	fclose(file);
	return is_read;
}
