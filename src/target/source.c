// SPDX-License-Identifier: Apache-2.0
// Source: where the bytes of a ledger come from.  OUTSIDE.
#include "target/source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/text.h"
#include "ledger/layout.h"
#include "target/process.h"

#define CHUNK_BYTES (UINT64_C(1) << 20)
#define PARTS_AT_ONCE 256

// A file, a memfd, or where there could be none of them shared memory without a name.
static bool may_be_ledger(const struct process_mapping *mapping)
{
	const char *path = mapping->path;
	return mapping->is_shared && (text_begins_with(path, "/memfd:cairn ") || text_begins_with(path, "/dev/zero ") ||
				      text_ends_with(path, ".cairn") || text_ends_with(path, ".cairn (deleted)"));
}

// A ledger shows as several mappings one after another, since parts of it are not accessible.
struct search {
	pid_t pid, inner_pid;
	struct source_mapping current; // start 0: none
	struct source_mapping found;   // start 0: none
	bool has_foreign;              // of a parent
};

static bool is_magic(const struct search *search, uint64_t start, uint32_t *pid)
{
	struct ledger_header header;
	struct iovec local = { &header, sizeof(header) }, remote = { (void *)(uintptr_t)start, sizeof(header) };
	if (process_vm_readv(search->pid, &local, 1, &remote, 1, 0) != (ssize_t)sizeof(header))
		return false;
	*pid = header.pid;
	return memcmp(header.magic, LEDGER_MAGIC, sizeof(header.magic)) == 0;
}

static void end_current(struct search *search)
{
	uint32_t pid = 0;
	bool is_named = search->current.path && !text_begins_with(search->current.path, "/dev/zero");
	if (!search->current.start)
		return;
	bool is_read = is_magic(search, search->current.start, &pid);
	bool is_foreign = is_read && search->inner_pid && pid != (uint32_t)search->inner_pid;
	search->has_foreign |= is_foreign;
	// One that may not be read is told apart by its name.
	if (!search->found.start && !is_foreign && (is_read || is_named)) {
		search->found = search->current;
		search->current.path = NULL;
	}
	free(search->current.path);
	search->current = (struct source_mapping){ 0 };
}

static bool visit_mapping(void *context, const struct process_mapping *mapping)
{
	struct search *search = context;
	struct source_mapping *current = &search->current;
	bool is_same = mapping->inode == current->inode && mapping->offset == current->size_bytes;
	bool is_apart = mapping->is_shared && text_begins_with(mapping->path, "/dev/zero "); // what is not kept in the file
	bool goes_on = current->start && mapping->start == current->start + current->size_bytes && (is_same || is_apart);
	if (goes_on) {
		current->size_bytes += mapping->limit - mapping->start;
		return true;
	}
	end_current(search);
	if (may_be_ledger(mapping) && mapping->offset == 0)
		*current = (struct source_mapping){ mapping->start, mapping->limit - mapping->start, mapping->inode,
						    strdup(mapping->path) };
	return true;
}

// errno: 0 if there is no ledger, ECHILD if there is only the parent's.
bool source_find_mapping(pid_t pid, struct source_mapping *found)
{
	struct search search = { .pid = pid, .inner_pid = process_inner_pid(pid) };
	bool is_read = process_read_mappings(pid, visit_mapping, &search);
	int error = is_read ? 0 : errno;
	end_current(&search);
	errno = search.found.start ? 0 : search.has_foreign ? ECHILD : error;
	*found = search.found;
	if (!found->start)
		return false;
	// Memory, and a file that was deleted, has no path to it.
	if (!found->path || text_ends_with(found->path, " (deleted)")) {
		free(found->path);
		found->path = strdup("");
	}
	return true;
}

static bool check_file(int fd, struct source *source, struct error *error)
{
	struct stat status;
	if (fstat(fd, &status) != 0)
		return error_set(error, "%s", strerror(errno));
	if (!S_ISREG(status.st_mode))
		return error_set(error, "is not a regular file, so not a ledger");
	source->size_bytes = (uint64_t)status.st_size;
	source->inode = status.st_ino;
	return true;
}

bool source_open_file(struct source *source, const char *path, struct error *error)
{
	*source = (struct source){ .fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) };
	if (source->fd < 0)
		return error_set(error, "%s: %s", path, strerror(errno));
	source->path = strdup(path);
	if (check_file(source->fd, source, error))
		return true;
	source_close(source);
	return error_prefix(error, path);
}

// Through the root directory of the process or, if that may not be, through ours.
static int open_mapped_file(pid_t pid, const struct source_mapping *mapping, char **path)
{
	for (int i = 0; i < 2; i++) {
		struct stat status;
		char *tried = NULL;
		if ((i == 0 ? asprintf(&tried, "/proc/%d/root%s", (int)pid, mapping->path) : asprintf(&tried, "%s", mapping->path)) < 0)
			return -1;
		int fd = open(tried, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
		if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_ino == mapping->inode) {
			free(tried);
			*path = strdup(mapping->path);
			return fd;
		}
		free(tried);
		if (fd >= 0)
			close(fd);
	}
	return -1;
}

static bool explain_no_ledger(pid_t pid, int reason, struct error *error)
{
	if (!process_is_alive(pid))
		return error_set(error, "%d: no such process (a file whose name is a number: ./%d)", (int)pid, (int)pid);
	if (reason == EACCES || reason == EPERM)
		return error_set(error, "%d: may not be looked into: %s; it is another user's, or protected: try as root",
				 (int)pid, strerror(reason));
	if (reason == ECHILD)
		return error_set(error, "%d: has recorded nothing of its own since it was forked; look at its parent", (int)pid);
	return error_set(error, "%d: is not being profiled; start it with: cairn run -- PROGRAM", (int)pid);
}

bool source_open_process(struct source *source, pid_t pid, struct error *error)
{
	struct source_mapping mapping;
	*source = (struct source){ .fd = -1, .pid = pid, .pid_start = process_start(pid) };
	if (!source_find_mapping(pid, &mapping))
		return explain_no_ledger(pid, errno, error);
	source->start = mapping.start;
	source->size_bytes = mapping.size_bytes;
	source->inode = mapping.inode;
	if (*mapping.path)
		source->fd = open_mapped_file(pid, &mapping, &source->path);
	free(mapping.path);
	if (source->fd < 0 || check_file(source->fd, source, error))
		return true;
	source_close(source);
	return false;
}

void source_close(struct source *source)
{
	if (source->fd >= 0)
		close(source->fd);
	free(source->path);
	*source = (struct source){ .fd = -1 };
}

static bool read_file(int fd, uint64_t offset, char *to, size_t size_bytes, struct error *error)
{
	while (size_bytes) {
		ssize_t got = pread(fd, to, size_bytes, (off_t)offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_set(error, "cannot be read: %s", strerror(errno));
		if (got == 0)
			return error_set(error, "truncated: ends before byte %" PRIu64, offset + 1);
		to += got;
		offset += (uint64_t)got;
		size_bytes -= (size_t)got;
	}
	return true;
}

// Only what is there; a file made by somebody else may be a hole of any size.
static bool read_file_data(int fd, uint64_t offset, char *to, uint64_t size_bytes, struct error *error)
{
	uint64_t limit = offset + size_bytes, at = offset;
	while (at < limit) {
		off_t data = lseek(fd, (off_t)at, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			break; // a hole up to the end, or behind it: the size was checked
		off_t hole = data < 0 ? (off_t)limit : lseek(fd, data, SEEK_HOLE);
		uint64_t from = data < 0 ? at : (uint64_t)data, until = hole < 0 || (uint64_t)hole > limit ? limit : (uint64_t)hole;
		if (from >= limit)
			break;
		if (until <= from)
			return error_set(error, "changes while it is read");
		if (!read_file(fd, from, to + (from - offset), until - from, error))
			return false;
		at = until;
	}
	return true;
}

// A small part, without looking for holes: to find the end of one the kernel looks at all of it, each time.  Where what is
// there already is the same, such as zeros, it is not written, and so gets no memory.
static bool read_file_part(int fd, const struct source_part *part, struct error *error)
{
	char bytes[4096];
	for (size_t done = 0; done < part->size_bytes;) {
		size_t left = part->size_bytes - done, size_bytes = left < sizeof(bytes) ? left : sizeof(bytes);
		if (!read_file(fd, part->offset + done, bytes, size_bytes, error))
			return false;
		if (memcmp((char *)part->to + done, bytes, size_bytes) != 0)
			memcpy((char *)part->to + done, bytes, size_bytes);
		done += size_bytes;
	}
	return true;
}

static bool is_within(const struct source *source, uint64_t offset, size_t size_bytes, struct error *error)
{
	return (offset <= source->size_bytes && size_bytes <= source->size_bytes - offset) ||
	       error_set(error, "truncated: has %" PRIu64 " bytes, and %" PRIu64 " are needed", source->size_bytes,
			 offset + size_bytes);
}

static bool read_memory(const struct source *source, uint64_t offset, char *to, uint64_t size_bytes, struct error *error)
{
	while (size_bytes) {
		size_t chunk = size_bytes < CHUNK_BYTES ? size_bytes : CHUNK_BYTES;
		struct iovec local = { to, chunk }, remote = { (void *)(uintptr_t)(source->start + offset), chunk };
		ssize_t got = process_vm_readv(source->pid, &local, 1, &remote, 1, 0);
		if (got <= 0 && errno == ESRCH)
			return error_set(error, "the process is gone, and its ledger was in its memory only");
		if (got <= 0 && errno == EPERM)
			return error_set(error, "its memory may not be read: %s; try as root, or start it with: cairn run", strerror(EPERM));
		if (got <= 0)
			return error_set(error, "its memory cannot be read: %s", got ? strerror(errno) : "nothing is there");
		to += got;
		offset += (uint64_t)got;
		size_bytes -= (uint64_t)got;
	}
	return true;
}

bool source_read(const struct source *source, uint64_t offset, void *to, size_t size_bytes, struct error *error)
{
	if (!is_within(source, offset, size_bytes, error))
		return false;
	return source->fd >= 0 ? read_file_data(source->fd, offset, to, size_bytes, error)
			       : read_memory(source, offset, to, size_bytes, error);
}

// All parts of a process's memory by one system call; false if it could not read all, and then nothing is said of why.
static bool read_memory_parts(const struct source *source, const struct source_part *parts, size_t num_parts)
{
	struct iovec local[PARTS_AT_ONCE], remote[PARTS_AT_ONCE];
	size_t size_bytes = 0;
	for (size_t i = 0; i < num_parts; i++) {
		local[i] = (struct iovec){ parts[i].to, parts[i].size_bytes };
		remote[i] = (struct iovec){ (void *)(uintptr_t)(source->start + parts[i].offset), parts[i].size_bytes };
		size_bytes += parts[i].size_bytes;
	}
	return process_vm_readv(source->pid, local, num_parts, remote, num_parts, 0) == (ssize_t)size_bytes;
}

bool source_read_parts(const struct source *source, const struct source_part *parts, size_t num_parts, struct error *error)
{
	if (source->fd < 0 && num_parts <= PARTS_AT_ONCE && read_memory_parts(source, parts, num_parts))
		return true;
	for (size_t i = 0; i < num_parts; i++) {
		const struct source_part *part = &parts[i];
		bool is_read = source->fd < 0 ? source_read(source, part->offset, part->to, part->size_bytes, error)
					      : is_within(source, part->offset, part->size_bytes, error) &&
							read_file_part(source->fd, part, error);
		if (!is_read)
			return false;
	}
	return true;
}

bool source_has_process(const struct source *source, uint64_t start_ticks)
{
	uint64_t found = 0;
	struct iovec local = { &found, sizeof(found) };
	struct iovec remote = { (void *)(uintptr_t)(source->start + offsetof(struct ledger_header, start_ticks)), sizeof(found) };
	if (!source->pid || !process_is_alive(source->pid) || process_start(source->pid) != source->pid_start)
		return false;
	if (!source->start)
		return true;
	// It may have executed another program, and then has other things there.
	ssize_t got = process_vm_readv(source->pid, &local, 1, &remote, 1, 0);
	return got < 0 ? errno == EPERM : found == start_ticks;
}
