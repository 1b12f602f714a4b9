// SPDX-License-Identifier: Apache-2.0
/*
 * Followed: the threads and processes that a tracer follows, and what it last did with each.
 *
 * OUTSIDE; one thread.
 */
#ifndef CAIRN_LAUNCH_FOLLOWED_H
#define CAIRN_LAUNCH_FOLLOWED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/hash.h"

struct followed_thread {
	pid_t tid;
	struct followed_process *process;
	int end_status;    // when it is held or has left: how it ends
	bool is_listening; // a signal has stopped it
	bool is_held;      // at its end
	bool has_left;     // it was let go at its end, and has no memory any more
	struct followed_thread *prev, *next; // of the same process
	UT_hash_handle hh;
};

struct followed_process {
	pid_t pid;
	pid_t maker;       // its parent when it began; 0: not known
	bool has_executed; // false: what it runs is not a program that somebody asked for
	bool is_reported;  // it is about to end, and that was told
	struct followed_thread *threads;
	UT_hash_handle hh;
};

// {0} is empty.
struct followed {
	struct followed_thread *threads;
	struct followed_process *processes;
};

void followed_deinit(struct followed *followed);

// The thread of this number; NULL: it is not followed.
struct followed_thread *followed_find(const struct followed *followed, pid_t tid);

// Add a thread, if it is new, and its process.
struct followed_thread *followed_add(struct followed *followed, pid_t pid, pid_t tid);

// The last thread takes its process with it.
void followed_remove(struct followed *followed, struct followed_thread *thread);

// A thread of the process that has not left; NULL: it is not followed, or has none.
struct followed_thread *followed_find_living(const struct followed *followed, pid_t pid);

// How many threads of a process are neither held nor have left.
size_t followed_count_running(const struct followed_process *process);

// The numbers of all threads, for whoever changes the table while he walks it; to be freed.
pid_t *followed_list(const struct followed *followed, size_t *num_threads);

#endif
