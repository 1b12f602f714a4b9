// SPDX-License-Identifier: Apache-2.0
// Perf map: functions that were made at run time.  OUTSIDE.
#include "symbolize/perf_map.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

#define MAX_BYTES (64 << 20)
#define MAX_LINES 4000000

struct function {
	uint64_t start, limit;
	const char *name;
};

struct perf_map {
	char *text;          // with a NUL after each name
	uint64_t *bounds;    // starts and limits of functions, each once, in order
	const char **names;  // of what lies between a bound and the next; NULL: nothing
	size_t num_bounds;
};

static bool read_hex(const char **at, uint64_t *value)
{
	char *end;
	errno = 0;
	*value = strtoull(*at, &end, 16);
	if (end == *at || **at == '-' || *end != ' ' || errno)
		return false;
	*at = end + 1;
	return true;
}

static bool read_line(const char *line, struct function *function)
{
	uint64_t size_bytes;
	if (*line == ' ' || !read_hex(&line, &function->start) || *line == ' ' || !read_hex(&line, &size_bytes) || !*line)
		return false;
	function->limit = function->start + size_bytes;
	function->name = line;
	return function->limit > function->start;
}

// The functions in the order of their lines; what cannot be read is left out.
static struct function *read_lines(char *text, size_t *num)
{
	struct function *functions = NULL;
	size_t num_allocated = 0;
	*num = 0;
	for (char *line = text, *end; *num < MAX_LINES && (end = strchr(line, '\n')); line = end + 1) {
		*end = 0;
		if (*num == num_allocated) {
			num_allocated = num_allocated ? 2 * num_allocated : 1024;
			functions = memory_resize(functions, num_allocated, sizeof(*functions));
		}
		*num += read_line(line, &functions[*num]);
	}
	return functions;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static void read_bounds(struct perf_map *map, const struct function *functions, size_t num)
{
	size_t num_kept = 0;
	map->bounds = memory_get(2 * num, sizeof(*map->bounds));
	for (size_t i = 0; i < num; i++) {
		map->bounds[2 * i] = functions[i].start;
		map->bounds[2 * i + 1] = functions[i].limit;
	}
	qsort(map->bounds, 2 * num, sizeof(*map->bounds), compare);
	for (size_t i = 0; i < 2 * num; i++)
		if (!num_kept || map->bounds[num_kept - 1] != map->bounds[i])
			map->bounds[num_kept++] = map->bounds[i];
	map->num_bounds = num_kept;
}

// The number of bounds that are at address or before it.
static size_t find_bound(const struct perf_map *map, uint64_t address)
{
	size_t low = 0, high = map->num_bounds;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (map->bounds[middle] <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

// The first at number or beyond that has no name yet.  next[i] is such a number, or one that leads there; paths are
// halved on the way.
static uint32_t find_unnamed(uint32_t *next, uint32_t number)
{
	while (next[number] != number)
		number = next[number] = next[next[number]];
	return number;
}

// From the last function to the first each gets what is left between its bounds.
static void give_names(struct perf_map *map, const struct function *functions, size_t num)
{
	uint32_t *next = memory_get(map->num_bounds + 1, sizeof(*next));
	map->names = memory_get(map->num_bounds, sizeof(*map->names));
	for (uint32_t i = 0; i <= map->num_bounds; i++)
		next[i] = i;
	for (size_t i = num; i-- > 0;) {
		uint32_t at = find_unnamed(next, (uint32_t)find_bound(map, functions[i].start) - 1);
		for (; map->bounds[at] < functions[i].limit; at = find_unnamed(next, at)) {
			map->names[at] = functions[i].name;
			next[at] = at + 1;
		}
	}
	free(next);
}

// Takes text over, which ends with a line feed and a NUL.
static struct perf_map *create(char *text)
{
	struct perf_map *map = memory_get(1, sizeof(*map));
	size_t num;
	map->text = text;
	struct function *functions = read_lines(text, &num);
	if (num) {
		read_bounds(map, functions, num);
		give_names(map, functions, num);
	}
	free(functions);
	return map;
}

struct perf_map *perf_map_create(const char *bytes, size_t num_bytes)
{
	char *text = memory_get(num_bytes + 2, 1);
	memcpy(text, bytes, num_bytes);
	text[num_bytes] = '\n';
	return create(text);
}

void perf_map_destroy(struct perf_map *map)
{
	if (!map)
		return;
	free(map->text);
	free(map->bounds);
	free(map->names);
	free(map);
}

const char *perf_map_find(const struct perf_map *map, uint64_t address)
{
	size_t bound = find_bound(map, address);
	return bound ? map->names[bound - 1] : NULL;
}

// The number that a process has in its own pid namespace; pid if it cannot be told.
static pid_t read_own_pid(pid_t pid)
{
	char path[40], line[256];
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	FILE *file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, "NStgid:", 7) == 0)
			pid = atoi(strrchr(line, '\t') ? strrchr(line, '\t') + 1 : "0");
	if (file)
		fclose(file);
	return pid;
}

// What a file of this user's or of root's holds, in memory of the caller's; NULL, and why.
static char *read_file(const char *path, uid_t user, const char **problem)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	*problem = NULL;
	if (fd < 0 || fstat(fd, &status) != 0)
		*problem = "no such file";
	else if (!S_ISREG(status.st_mode))
		*problem = "not a regular file";
	else if (status.st_uid != user && status.st_uid != 0)
		*problem = "belongs to another user";
	else if (status.st_size > MAX_BYTES)
		*problem = "larger than 64 MiB";
	size_t num_bytes = 0, max_bytes = *problem ? 0 : (size_t)status.st_size;
	char *text = *problem ? NULL : memory_get(max_bytes + 2, 1);
	ssize_t num;
	while (num_bytes < max_bytes && (num = read(fd, text + num_bytes, max_bytes - num_bytes)) > 0)
		num_bytes += (size_t)num;
	if (text)
		text[num_bytes] = '\n';
	if (fd >= 0)
		close(fd);
	return text;
}

struct perf_map *perf_map_open(pid_t pid, uid_t user, const char **problem)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "/proc/%d/root/tmp/perf-%d.map", (int)pid, (int)read_own_pid(pid));
	char *text = read_file(path, user, problem);
	if (!text) {
		snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)pid);
		text = read_file(path, user, problem);
	}
	return text ? create(text) : NULL;
}
