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
#define THREAD_RED_ZONE_BYTES 128 // below the stack pointer, for functions that call none (System V ABI)

struct thread_state {
	pid_t tid;
	int signal; // one that it was about to get, and gets when it goes on; 0: none.  Written by threads_stop() only
	uint64_t pc, sp, fs_base;
	bool is_in_system_call;
	// All that may hold a pointer: general registers, then vector registers.
	size_t num_general, num_words;
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
// which, with the pid.  A thread that does not stop cannot be let go either: it would wait for this process when it does,
// so it is best ended soon after.
bool threads_stop(struct threads *threads, pid_t pid, int64_t limit_ns, struct error *error);

// Let them go on.
void threads_resume(struct threads *threads);

// The registers of a thread that is in a ptrace stop of ours.  False if it is gone.
bool threads_read_registers(struct thread_state *state, pid_t tid);

// A few system calls fail with EINTR when a thread is stopped although it gets no signal.  Of a thread that is in a ptrace
// stop before its signals are delivered: make the call again when it goes on, unless a handler runs then.
void threads_restart_call(pid_t tid);

#endif
