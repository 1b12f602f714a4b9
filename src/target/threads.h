// SPDX-License-Identifier: Apache-2.0
/*
 * Threads: all threads of another process, stopped for a while, and what is in their registers.
 *
 * They are stopped by ptrace: no signal is sent, nothing runs in the process, and when they go on, system calls that were
 * waiting go on waiting.  If this process ends, however it does, the kernel lets them go on.
 *
 * OUTSIDE; the thread that stopped them is the only one that can read them and let them go on.
 */
#ifndef CAIRN_TARGET_THREADS_H
#define CAIRN_TARGET_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

#define THREAD_MAX_WORDS 448

struct thread_state {
	pid_t tid;
	uint64_t pc, sp, fs_base;
	// All that may hold a pointer, general and vector registers.
	size_t num_words;
	uint64_t words[THREAD_MAX_WORDS];
};

struct threads {
	pid_t pid;
	struct thread_state *states;
	size_t num_states;
	int64_t since_ns; // CLOCK_MONOTONIC: when the first of them was told to stop
};

// Stop all threads of a process, those that are created meanwhile too, within limit_ns.  False, and all go on: it is
// gone, belongs to somebody else, is traced already, has a thread that does not stop, or is this process; the error says
// which, with the pid.
bool threads_stop(struct threads *threads, pid_t pid, int64_t limit_ns, struct error *error);

// Let them go on.
void threads_resume(struct threads *threads);

// The registers of a thread that is in a ptrace stop of ours.  False if it is gone.
bool threads_read_registers(struct thread_state *state, pid_t tid);

#endif
