// SPDX-License-Identifier: Apache-2.0
/*
 * Process: what /proc tells of a process.
 *
 * OUTSIDE; any thread.  What /proc says is believed, names in it are not: they may hold any bytes.
 */
#ifndef CAIRN_TARGET_PROCESS_H
#define CAIRN_TARGET_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

// False if there is no such process (or it is a zombie).
bool process_is_alive(pid_t pid);

// True if a signal has stopped it; not if it has been told to go on and only waits for who traces it.
bool process_is_stopped(pid_t pid);

// Its parent; 0: not known.
pid_t process_parent(pid_t pid);

// The process that a thread belongs to, which is itself for a process; 0: not known.
pid_t process_of_thread(pid_t tid);

// Who traces it, a debugger for example; 0: nobody, or not known.
pid_t process_tracer(pid_t pid);

// True if a thread has been told to end by the kernel, and has not begun to.
bool process_thread_is_killed(pid_t tid);

// Whose it is, its effective user.  False if it is not known.
bool process_find_user(pid_t pid, uid_t *user);

// True if it is a part of the kernel.
bool process_is_of_kernel(pid_t pid);

// When it began, in clock ticks since boot; 0: not known.  With the pid this names a process for good,
// whatever it executes.
uint64_t process_start(pid_t pid);

// Bytes in memory (RSS); 0: not known.
uint64_t process_resident_bytes(pid_t pid);

// CPU time that it has used, all threads; 0: not known.
int64_t process_cpu_ns(pid_t pid);

// Its id in its own, innermost pid namespace, told by the id of any of its threads; 0: not known.
pid_t process_inner_pid(pid_t pid);

// Walk the mappings of a process until visit returns false.  path is "" for anonymous memory; it lives until
// visit returns.  False, with errno, if they cannot be read.
struct process_mapping {
	uint64_t start, limit;
	uint64_t offset, inode; // in and of the file
	bool is_readable, is_writable, is_shared;
	const char *path;
};
bool process_read_mappings(pid_t pid, bool (*visit)(void *context, const struct process_mapping *mapping), void *context);

#endif
