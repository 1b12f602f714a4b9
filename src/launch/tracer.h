// SPDX-License-Identifier: Apache-2.0
/*
 * Tracer: holds every process of a program's tree at its end, when its memory is still there, however it ends: it returns
 * from main, calls _exit() or a raw exit_group(), or a signal ends it.
 *
 * Threads and descendants are followed with ptrace (PTRACE_SEIZE, so no signal is seen that would not be without
 * it); between their ends they are only touched at clone, exec, and when they get a signal or stop.  If this process ends,
 * they go on untraced.  What ptrace does not allow to hide: a set-user-id program does not get its rights unless we have
 * them; nobody else (a debugger, a leak sanitizer) can trace those who are followed; while this process is stopped, those
 * that come to such an event wait.
 *
 * OUTSIDE; the thread that began it.
 */
#ifndef CAIRN_LAUNCH_TRACER_H
#define CAIRN_LAUNCH_TRACER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "target/threads.h"

// A process that is about to end; all its memory is there.
struct tracer_end {
	pid_t pid; // of the process
	pid_t tid; // one of its threads that are held: /proc/TID and process_vm_readv() give its memory, also when the first
		   // thread has ended before the others
	const struct thread_state *threads; // those that are held
	size_t num_threads;
	bool is_whole;    // false: some threads did not come to their end in time (a second), and go without
	int wait_status;  // how it ends, as waitpid() will give it
};

struct tracer;

// at_end is called for each process, which is held until it returns; not for the child if it could not execute its program,
// nor for one that ends with the memory of its maker (vfork) while that lives.  is_first_only: descendants are left alone.
struct tracer *tracer_create(bool is_first_only, void (*at_end)(void *context, const struct tracer_end *end), void *context);

// Begin with a child that has not executed its program yet.  False if tracing is not allowed here.
bool tracer_begin(struct tracer *tracer, pid_t child, struct error *error);

// Every result of waitpid(-1, &status, WNOHANG | WUNTRACED | __WALL) is for this function first.  True: there is nothing
// else to do about it.  False: it is for the caller, with *status as it would be without a tracer: the child has
// stopped or ended, or it was not about anything that is followed.
bool tracer_take(struct tracer *tracer, pid_t tid, int *status);

// Let all that is still followed go on alone.  Those who end within grace_ns are still held at their end before.  It returns
// at the latest a second after; who has not stopped by then is let go when this process ends.  The number of processes that go on is returned.
size_t tracer_release(struct tracer *tracer, int64_t grace_ns);
void tracer_destroy(struct tracer *tracer); // NULL: nothing to do

#endif
