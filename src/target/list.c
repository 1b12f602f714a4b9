// SPDX-License-Identifier: Apache-2.0
// List: the ledgers on this machine.  OUTSIDE.
#include "target/list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "target/owner.h"
#include "target/process.h"
#include "target/source.h"

#define COMPLETION_US 50000 // after which a ledger is complete, unless its process has to wait for a processor
#define NUM_TRIES 10

static struct list_entry *add_entry(struct list *list)
{
	list->entries = memory_resize(list->entries, list->num_entries + 1, sizeof(*list->entries));
	struct list_entry *entry = &list->entries[list->num_entries++];
	memset(entry, 0, sizeof(*entry));
	return entry;
}

// A file has holes; memory is charged as it comes into use.
static uint64_t size_of(const struct target *target)
{
	struct stat status;
	const char *path = target_path(target);
	if (path && stat(path, &status) == 0)
		return (uint64_t)status.st_blocks * 512;
	return target_ledger(target)->header->charged_bytes;
}

static void fill_in(struct list_entry *entry, const struct target *target)
{
	const struct ledger *ledger = target_ledger(target);
	struct text program = TEXT_ON(entry->program);
	text_add(&program, target_program(target));
	memcpy(&entry->header, ledger->header, sizeof(entry->header));
	read_total(ledger, &entry->total);
	entry->is_estimate = read_is_estimate(ledger);
	entry->num_lost = read_num_lost(ledger);
	entry->size_bytes = size_of(target);
	entry->pid = target_pid(target);
	entry->is_readable = true;
}

static void add_process(struct list *list, pid_t pid)
{
	struct source_mapping mapping;
	struct target *target;
	char name[32];
	if (!source_find_mapping(pid, &mapping))
		return;
	struct list_entry *entry = add_entry(list);
	snprintf(name, sizeof(name), "%d", (int)pid);
	bool is_open = target_open(&target, name, &entry->error);
	for (int i = 0; i < NUM_TRIES && !is_open && process_is_alive(pid); i++) { // it may be just beginning, or ending
		usleep(COMPLETION_US);
		is_open = target_open(&target, name, &entry->error);
	}
	if (is_open) {
		fill_in(entry, target);
		target_close(target);
	} else if (!process_is_alive(pid)) {
		free(mapping.path);
		list->num_entries--;
		return;
	}
	entry->pid = pid;
	entry->path = *mapping.path ? memory_copy_string(mapping.path) : NULL;
	free(mapping.path);
}

static void add_processes(struct list *list)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;
	while (processes && (entry = readdir(processes)))
		if (atoi(entry->d_name) > 0)
			add_process(list, atoi(entry->d_name));
	if (processes)
		closedir(processes);
}

// The program in another mount namespace has another path to the same file, so the name decides with the time at
// which its ledger began.
static bool is_listed(const struct list *list, const struct list_entry *candidate)
{
	for (size_t i = 0; i + 1 < list->num_entries; i++) {
		const struct list_entry *entry = &list->entries[i];
		if (!entry->path || strcmp(text_base_name(entry->path), text_base_name(candidate->path)) != 0)
			continue;
		if (!entry->is_readable || entry->header.start_ticks == candidate->header.start_ticks)
			return true;
	}
	return false;
}

// A process makes its ledger within milliseconds, but may be killed meanwhile.
static bool is_incomplete(const char *path)
{
	struct ledger_header header;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return false;
	memset(&header, 0, sizeof(header));
	ssize_t got = pread(fd, &header, sizeof(header), 0);
	close(fd);
	bool is_empty = got >= 0 && memcmp(header.magic, (char[sizeof(header.magic)]){ 0 }, sizeof(header.magic)) == 0;
	return is_empty || (memcmp(header.magic, LEDGER_MAGIC, sizeof(header.magic)) == 0 && !header.is_ready);
}

static void add_file(struct list *list, const char *path)
{
	struct target *target;
	struct list_entry *entry = add_entry(list);
	entry->path = memory_copy_string(path);
	bool is_open = target_open_file(&target, path, &entry->error);
	if (!is_open && access(path, F_OK) != 0) { // deleted since the directory was read
		free(entry->path);
		list->num_entries--;
		return;
	}
	if (!is_open && is_incomplete(path)) {
		usleep(COMPLETION_US);
		is_open = target_open_file(&target, path, &entry->error);
	}
	if (!is_open) {
		entry->is_incomplete = is_incomplete(path);
		entry->pid = entry->is_incomplete ? owner_of_file(path) : 0;
		return;
	}
	fill_in(entry, target);
	target_close(target);
	if (is_listed(list, entry)) {
		free(entry->path);
		list->num_entries--;
	}
}

static void add_directory(struct list *list, const char *directory, bool has_runs)
{
	DIR *files = opendir(directory);
	struct dirent *entry;
	while (files && (entry = readdir(files))) {
		char path[PATH_MAX];
		const char *end = strrchr(entry->d_name, '.');
		if (snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name) >= (int)sizeof(path))
			continue;
		if (end && strcmp(end, ".cairn") == 0)
			add_file(list, path);
		else if (has_runs && strncmp(entry->d_name, "run.", 4) == 0)
			add_directory(list, path, false);
	}
	if (files)
		closedir(files);
}

// Those of all users; what may not be read is left out.
static void add_default_directories_in(struct list *list, const char *parent)
{
	char pattern[PATH_MAX];
	glob_t found;
	if (snprintf(pattern, sizeof(pattern), "%s/cairn-[0-9]*", parent) >= (int)sizeof(pattern) ||
	    glob(pattern, 0, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		add_directory(list, found.gl_pathv[i], true);
	globfree(&found);
}

static const char *temporary_directory(void)
{
	const char *named = getenv("TMPDIR");
	return named && named[0] == '/' ? named : "/tmp";
}

static void add_default_directories(struct list *list)
{
	const char *named = getenv("CAIRN_LEDGER");
	add_default_directories_in(list, "/dev/shm");
	add_default_directories_in(list, temporary_directory());
	if (named && *named)
		add_directory(list, named, true);
}

static int compare(const void *a, const void *b)
{
	const struct list_entry *one = a, *other = b;
	if (!one->pid != !other->pid)
		return one->pid ? -1 : 1;
	if (!one->is_readable || !other->is_readable)
		return other->is_readable - one->is_readable;
	int64_t start = one->header.start_time_ns, other_start = other->header.start_time_ns;
	return (start > other_start) - (start < other_start);
}

static void sort(struct list *list)
{
	if (list->num_entries)
		qsort(list->entries, list->num_entries, sizeof(*list->entries), compare);
}

void list_init_directory(struct list *list, const char *directory)
{
	*list = (struct list){ 0 };
	add_directory(list, directory, false);
	sort(list);
}

void list_init(struct list *list, char *const *directories, size_t num_directories)
{
	*list = (struct list){ 0 };
	if (num_directories == 0)
		add_processes(list);
	for (size_t i = 0; i < num_directories; i++)
		add_directory(list, directories[i], true);
	if (num_directories == 0)
		add_default_directories(list);
	sort(list);
}

void list_deinit(struct list *list)
{
	for (size_t i = 0; i < list->num_entries; i++)
		free(list->entries[i].path);
	free(list->entries);
	*list = (struct list){ 0 };
}

bool list_has_executed(const struct list *list, const struct ledger_header *header)
{
	for (size_t i = 0; i < list->num_entries; i++) {
		const struct ledger_header *other = &list->entries[i].header;
		if (header->process_start && list->entries[i].is_readable && other->pid == header->pid &&
		    other->pid_namespace == header->pid_namespace && other->process_start == header->process_start &&
		    other->start_ticks > header->start_ticks)
			return true;
	}
	return false;
}

// Root's programs may become other users', who then must be able to pass through.
static mode_t directory_mode(void)
{
	return geteuid() == 0 ? 0711 : 0700;
}

// Ours, and nobody else may make or replace files in it.
static bool is_own_directory(const char *path, struct error *error)
{
	struct stat status;
	if (lstat(path, &status) != 0)
		return error_set(error, "%s: %s", path, strerror(errno));
	if (!S_ISDIR(status.st_mode))
		return error_set(error, "%s: is not a directory", path);
	if (status.st_uid != geteuid() || (status.st_mode & 07777 & ~directory_mode()))
		return error_set(error, "%s: is of user %u with mode %o, and must be of user %u with mode %o", path,
				 (unsigned)status.st_uid, (unsigned)status.st_mode & 07777, (unsigned)geteuid(),
				 (unsigned)directory_mode());
	return access(path, W_OK | X_OK) == 0 || error_set(error, "%s: %s", path, strerror(errno));
}

static bool make_directory(char *path, size_t size_bytes, const char *parent, struct error *error)
{
	if (snprintf(path, size_bytes, "%s/cairn-%u", parent, (unsigned)geteuid()) >= (int)size_bytes)
		return error_set(error, "%s: name too long", parent);
	bool is_new = mkdir(path, directory_mode()) == 0;
	if (!is_new && errno != EEXIST)
		return error_set(error, "%s: %s", path, strerror(errno));
	if (is_new)
		chmod(path, directory_mode()); // whatever the umask
	return is_own_directory(path, error);
}

const char *list_default_directory(struct error *error)
{
	static char path[PATH_MAX];
	if (make_directory(path, sizeof(path), "/dev/shm", error) ||
	    make_directory(path, sizeof(path), temporary_directory(), error))
		return path;
	return NULL;
}
