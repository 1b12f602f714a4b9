// SPDX-License-Identifier: Apache-2.0
/*
 * Perf map: the functions that a just-in-time compiler made at run time, as it tells them in /tmp/perf-PID.map.
 *
 * A line is an address, a size, both hexadecimal, and a name, which may have spaces in it.  Lines are added as code is
 * made, and memory is used again: of those that cover an address the last is right.
 *
 * OUTSIDE; any thread.  Anybody may have written the file: it is believed if the process's user or root owns it, and
 * only in what it calls functions.  Names may hold any bytes.
 */
#ifndef CAIRN_SYMBOLIZE_PERF_MAP_H
#define CAIRN_SYMBOLIZE_PERF_MAP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct perf_map;

// The map of a process that runs or ran as user.  It is looked for under the process's root, by its own number (of its
// own pid namespace), then here by pid.  NULL, and why in *problem (a constant), if there is none.
struct perf_map *perf_map_open(pid_t pid, uid_t user, const char **problem);

// The map that these bytes, which are copied, are the file of.
struct perf_map *perf_map_create(const char *bytes, size_t num_bytes);

void perf_map_destroy(struct perf_map *map); // NULL: nothing to do

// The function at a run-time address of memory that is of no file; NULL: not known.  Lives until perf_map_destroy().
const char *perf_map_find(const struct perf_map *map, uint64_t address);

#endif
