// SPDX-License-Identifier: Apache-2.0
// Memory: that of another process, read from outside.  OUTSIDE.
#include "target/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/memory.h"
#include "target/process.h"

#define PAGES_AT_ONCE 512

// Linux, Documentation/admin-guide/mm/pagemap.rst.
#define PAGE_PRESENT (UINT64_C(1) << 63)
#define PAGE_SWAPPED (UINT64_C(1) << 62)
#define PAGE_OF_FILE_OR_SHARED (UINT64_C(1) << 61)

static bool add_range(void *context, const struct process_mapping *mapping)
{
	struct memory *memory = context;
	memory->ranges = memory_grow(memory->ranges, memory->num_ranges, sizeof(*memory->ranges));
	memory->ranges[memory->num_ranges++] = (struct memory_range){
		.start = mapping->start,
		.limit = mapping->limit,
		.is_readable = mapping->is_readable,
		.is_writable = mapping->is_writable,
		.is_shared = mapping->is_shared,
		.path = memory_copy_string(mapping->path),
	};
	return true;
}

bool memory_init(struct memory *memory, pid_t tid, struct error *error)
{
	char path[64];
	*memory = (struct memory){ .tid = tid, .pages = -1, .bytes = -1 };
	if (!process_read_mappings(tid, add_range, memory) || !memory->num_ranges) {
		int reason = errno;
		memory_deinit(memory);
		return error_set(error, "its mappings cannot be read: %s", reason ? strerror(reason) : "it has none any more");
	}
	snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)tid);
	memory->pages = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)tid);
	memory->bytes = open(path, O_RDONLY | O_CLOEXEC);
	return true;
}

void memory_deinit(struct memory *memory)
{
	for (size_t i = 0; i < memory->num_ranges; i++)
		free(memory->ranges[i].path);
	free(memory->ranges);
	if (memory->pages >= 0)
		close(memory->pages);
	if (memory->bytes >= 0)
		close(memory->bytes);
	*memory = (struct memory){ .pages = -1, .bytes = -1 };
}

const struct memory_range *memory_find(const struct memory *memory, uint64_t address)
{
	size_t low = 0, high = memory->num_ranges;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (memory->ranges[middle].limit <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < memory->num_ranges && memory->ranges[low].start <= address ? &memory->ranges[low] : NULL;
}

static bool is_alike(const struct memory_range *a, const struct memory_range *b)
{
	return a->is_readable == b->is_readable && a->is_writable == b->is_writable && a->is_shared == b->is_shared &&
	       strcmp(a->path, b->path) == 0;
}

uint64_t memory_limit(const struct memory *memory, const struct memory_range *range)
{
	const struct memory_range *end = memory->ranges + memory->num_ranges;
	while (range + 1 < end && range[1].start == range->limit && is_alike(range, range + 1))
		range++;
	return range->limit;
}

size_t memory_read(const struct memory *memory, uint64_t address, void *to, size_t size_bytes)
{
	size_t num_read = 0;
	while (num_read < size_bytes) {
		struct iovec local = { (char *)to + num_read, size_bytes - num_read };
		struct iovec remote = { (void *)(uintptr_t)(address + num_read), size_bytes - num_read };
		ssize_t got = process_vm_readv(memory->tid, &local, 1, &remote, 1, 0);
		if (got <= 0 && memory->bytes >= 0)
			got = pread(memory->bytes, local.iov_base, local.iov_len, (off_t)(address + num_read));
		if (got <= 0)
			break;
		num_read += (size_t)got;
	}
	return num_read;
}

bool memory_read_word(const struct memory *memory, uint64_t address, uint64_t *word)
{
	return memory_read(memory, address, word, sizeof(*word)) == sizeof(*word);
}

// A part of the page map.
struct pages {
	const struct memory *memory;
	bool is_shared;
	uint64_t limit;      // nothing behind is asked for
	uint64_t start, num; // address of the first page; 0: none are read
	uint64_t flags[PAGES_AT_ONCE];
};

static void read_pages(struct pages *pages, uint64_t address)
{
	off_t offset = (off_t)(address / MEMORY_PAGE_BYTES * sizeof(*pages->flags));
	uint64_t num = (pages->limit - address + MEMORY_PAGE_BYTES - 1) / MEMORY_PAGE_BYTES;
	size_t size_bytes = (num < PAGES_AT_ONCE ? num : PAGES_AT_ONCE) * sizeof(*pages->flags);
	ssize_t got = pages->memory->pages < 0 ? -1 : pread(pages->memory->pages, pages->flags, size_bytes, offset);
	pages->start = address;
	pages->num = got < 0 ? 0 : (uint64_t)got / sizeof(*pages->flags);
	if (pages->num)
		return;
	pages->num = 1; // it is not told
	pages->flags[0] = PAGE_PRESENT;
}

static bool is_written(struct pages *pages, uint64_t address)
{
	if (!pages->num || (address - pages->start) / MEMORY_PAGE_BYTES >= pages->num)
		read_pages(pages, address);
	uint64_t page = pages->flags[(address - pages->start) / MEMORY_PAGE_BYTES];
	return (page & PAGE_SWAPPED) || ((page & PAGE_PRESENT) && (pages->is_shared || !(page & PAGE_OF_FILE_OR_SHARED)));
}

bool memory_find_written(const struct memory *memory, uint64_t *start, uint64_t limit, uint64_t max_bytes, uint64_t *run_limit)
{
	const struct memory_range *range = memory_find(memory, *start);
	struct pages pages = { .memory = memory, .is_shared = range && range->is_shared, .limit = limit };
	uint64_t at = *start & ~(uint64_t)(MEMORY_PAGE_BYTES - 1);
	while (at < limit && !is_written(&pages, at))
		at += MEMORY_PAGE_BYTES;
	if (at >= limit)
		return false;
	*start = at > *start ? at : *start;
	do
		at += MEMORY_PAGE_BYTES;
	while (at < limit && at - *start < max_bytes && is_written(&pages, at));
	*run_limit = at < limit ? at : limit;
	return true;
}
