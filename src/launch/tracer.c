// SPDX-License-Identifier: Apache-2.0
// Tracer: holds every process of a program's tree at its end.  OUTSIDE.
#include "launch/tracer.h"

#include <errno.h>
#include <linux/kcmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/system.h"
#include "launch/followed.h"
#include "target/process.h"
#include "target/refusal.h"

#define OPTIONS (PTRACE_O_TRACEEXIT | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC)
#define GATHER_NS INT64_C(1000000000)   // for the threads of a process that is ending
#define LET_GO_NS INT64_C(1000000000)   // for threads to stop, so that they can be let go
#define NAP_NS 100000
#define CALL_EXIT_32 1
#define CODE_SEGMENT_64 0x33

struct tracer {
	bool is_first_only;
	void (*at_end)(void *context, const struct tracer_end *end);
	void *context;
	pid_t first; // the child it began with
	struct followed followed;
};

struct tracer *tracer_create(bool is_first_only, void (*at_end)(void *context, const struct tracer_end *end), void *context)
{
	struct tracer *tracer = memory_get(1, sizeof(*tracer));
	*tracer = (struct tracer){ .is_first_only = is_first_only, .at_end = at_end, .context = context };
	return tracer;
}

void tracer_destroy(struct tracer *tracer)
{
	if (!tracer)
		return;
	followed_deinit(&tracer->followed);
	free(tracer);
}

bool tracer_begin(struct tracer *tracer, pid_t child, struct error *error)
{
	if (ptrace(PTRACE_SEIZE, child, NULL, OPTIONS) != 0)
		return refusal_explain(child, errno, error);
	tracer->first = child;
	followed_add(&tracer->followed, child, child)->process->has_executed = false;
	return true;
}

static void nap(void)
{
	static const struct timespec duration = { .tv_nsec = NAP_NS };
	nanosleep(&duration, NULL);
}

static bool is_stop_signal(int signal)
{
	return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

static unsigned long get_message(pid_t tid)
{
	unsigned long message = 0;
	ptrace(PTRACE_GETEVENTMSG, tid, NULL, &message);
	return message;
}

// Who is gone by now does not mind.
static void go_on(const struct followed_thread *thread, int signal)
{
	ptrace(PTRACE_CONT, thread->tid, NULL, (long)signal);
}

// Its own first stop and its maker's, at the call, come in any order.  NULL: it is gone, or none of ours.
static struct followed_thread *add(struct tracer *tracer, pid_t tid)
{
	pid_t pid = process_of_thread(tid);
	if (pid == 0 || (tracer->is_first_only && pid != tracer->first))
		return NULL;
	return followed_add(&tracer->followed, pid, tid);
}

// The thread that executes a program gets the number of the first, and all others are gone.
static void keep_only(struct tracer *tracer, struct followed_thread *kept)
{
	struct followed_process *process = kept->process;
	for (struct followed_thread *thread = process->threads, *next; thread; thread = next) {
		next = thread->next;
		if (thread != kept)
			followed_remove(&tracer->followed, thread);
	}
	process->has_executed = true;
	process->is_reported = false;
	kept->is_held = kept->has_left = kept->is_listening = false;
}

// One thread tells of a stop: the first, or, if it has left, another.
static bool speaks_for_child(const struct tracer *tracer, const struct followed_thread *thread)
{
	struct followed_thread *first = followed_find(&tracer->followed, tracer->first);
	if (thread->process->pid != tracer->first)
		return false;
	if (first && !first->has_left)
		return thread == first;
	return thread == followed_find_living(&tracer->followed, tracer->first);
}

// A signal stops its process, or it was told to stop or that it may go on.
static bool take_trap(struct tracer *tracer, struct followed_thread *thread, int *status)
{
	bool was_listening = thread->is_listening;
	thread->is_listening = is_stop_signal(WSTOPSIG(*status));
	if (!thread->is_listening) {
		if (!was_listening) // else it would have been interrupted without us, too
			threads_restart_call(thread->tid);
		go_on(thread, 0);
		return true;
	}
	ptrace(PTRACE_LISTEN, thread->tid, NULL, NULL);
	*status &= 0xffff;
	return !speaks_for_child(tracer, thread);
}

// A tracer gets signals that the program ignores, which interrupt no system call otherwise.
static void pass_on(const struct followed_thread *thread, int signal)
{
	if (!is_stop_signal(signal))
		threads_restart_call(thread->tid);
	go_on(thread, signal);
}

// All stops but that at the end.
static bool take_stop(struct tracer *tracer, struct followed_thread *thread, int *status)
{
	switch (*status >> 16) {
	case 0: pass_on(thread, WSTOPSIG(*status)); return true;
	case PTRACE_EVENT_STOP: return take_trap(tracer, thread, status);
	case PTRACE_EVENT_EXEC: keep_only(tracer, thread); break;
	default: add(tracer, (pid_t)get_message(thread->tid)); break;
	}
	go_on(thread, 0);
	return true;
}

// False: it is the child, whose end is for who waits for it.
static bool take_end(struct tracer *tracer, struct followed_thread *thread)
{
	bool is_child = thread->tid == tracer->first;
	followed_remove(&tracer->followed, thread);
	return !is_child;
}

static void hold(struct followed_thread *thread)
{
	thread->is_held = true;
	thread->end_status = (int)get_message(thread->tid);
}

static void leave(struct followed_thread *thread)
{
	thread->is_held = false;
	thread->has_left = true;
	go_on(thread, 0);
}

static void leave_all(struct followed_process *process)
{
	for (struct followed_thread *thread = process->threads; thread; thread = thread->next)
		if (thread->is_held)
			leave(thread);
}

// Of the threads that run, note which have come to their end.  The process, of which one is held, stays.
static void take_arrivals(struct tracer *tracer, struct followed_process *process)
{
	for (struct followed_thread *thread = process->threads, *next; thread; thread = next) {
		int status;
		next = thread->next;
		if (thread->is_held || thread->has_left)
			continue;
		pid_t result = waitpid(thread->tid, &status, WNOHANG | __WALL);
		if (result < 0 || (result > 0 && !WIFSTOPPED(status)))
			followed_remove(&tracer->followed, thread);
		else if (result > 0 && status >> 16 == PTRACE_EVENT_EXIT)
			hold(thread);
		else if (result > 0)
			take_stop(tracer, thread, &status);
	}
}

// True if it waits in execve() for the other threads to end.  If the process were ending, it would be killed itself.
static bool is_executing(pid_t tid)
{
	char path[64];
	long number = -1;
	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)tid);
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	if (fscanf(file, "%ld", &number) != 1)
		number = -1; // it is running
	fclose(file);
	return (number == SYS_execve || number == SYS_execveat) && !process_thread_is_killed(tid);
}

static bool has_executing(const struct followed_process *process)
{
	for (const struct followed_thread *thread = process->threads; thread; thread = thread->next)
		if (!thread->is_held && !thread->has_left && is_executing(thread->tid))
			return true;
	return false;
}

// Wait for the other threads.  One may never come: before Linux 5.16 one that writes a core file waits for those that are
// held.  False: the process does not end, one of its threads executes a program.
static bool gather(struct tracer *tracer, struct followed_process *process)
{
	int64_t since_ns = system_clock_ns(CLOCK_MONOTONIC);
	while (take_arrivals(tracer, process), followed_count_running(process) > 0) {
		if (has_executing(process))
			return false;
		if (system_clock_ns(CLOCK_MONOTONIC) - since_ns > GATHER_NS)
			break;
		nap();
	}
	return true;
}

// What vfork() begins ends, as long as it has executed nothing, with its maker's memory, which stays.
static bool has_makers_memory(const struct tracer *tracer, const struct followed_thread *thread)
{
	struct followed_thread *maker = followed_find_living(&tracer->followed, thread->process->maker);
	return maker && syscall(SYS_kcmp, maker->tid, thread->tid, KCMP_VM, 0, 0) == 0;
}

// Whether there is a core file only the thread knows that wrote it.
static int find_wait_status(const struct followed_process *process, int status)
{
	for (const struct followed_thread *thread = process->threads; thread; thread = thread->next)
		if (thread->is_held && WIFSIGNALED(thread->end_status) && WCOREDUMP(thread->end_status))
			return thread->end_status;
	return status;
}

static void report(struct tracer *tracer, const struct followed_thread *thread)
{
	struct followed_process *process = thread->process;
	struct tracer_end end = { .pid = process->pid, .tid = thread->tid };
	end.wait_status = find_wait_status(process, thread->end_status);
	struct thread_state *states = memory_get(HASH_COUNT(tracer->followed.threads), sizeof(*states));
	for (const struct followed_thread *other = process->threads; other; other = other->next)
		if (other->is_held && threads_read_registers(&states[end.num_threads], other->tid))
			end.num_threads++;
	end.threads = states;
	end.is_whole = followed_count_running(process) == 0;
	process->is_reported = true;
	tracer->at_end(tracer->context, &end);
	free(states);
}

// True for exit(), which ends only a thread; not for exit_group() and signals.
static bool is_end_of_thread(const struct followed_thread *thread)
{
	struct user_regs_struct registers;
	if (WIFSIGNALED(thread->end_status) || ptrace(PTRACE_GETREGS, thread->tid, NULL, &registers) != 0)
		return false;
	return registers.orig_rax == (registers.cs == CODE_SEGMENT_64 ? SYS_exit : CALL_EXIT_32);
}

static void take_exit(struct tracer *tracer, struct followed_thread *thread)
{
	struct followed_process *process = thread->process;
	hold(thread);
	bool is_last = followed_count_running(process) == 0;
	bool is_end = !process->is_reported && (is_last || !is_end_of_thread(thread)) && gather(tracer, process);
	if (is_end && process->has_executed && !has_makers_memory(tracer, thread))
		report(tracer, thread);
	leave_all(process);
}

bool tracer_take(struct tracer *tracer, pid_t tid, int *status)
{
	struct followed_thread *thread = followed_find(&tracer->followed, tid);
	if (!WIFSTOPPED(*status))
		return thread && take_end(tracer, thread);
	if (!thread && *status >> 16 == 0)
		return false;
	if (!thread)
		thread = add(tracer, tid);
	if (!thread)
		ptrace(PTRACE_DETACH, tid, NULL, NULL);
	else if (*status >> 16 == PTRACE_EVENT_EXIT)
		take_exit(tracer, thread);
	else
		return take_stop(tracer, thread, status);
	return true;
}

// It goes on alone, from the stop that waitpid() told of.
static void let_go(struct tracer *tracer, struct followed_thread *thread, int status)
{
	int event = status >> 16, signal = event ? 0 : WSTOPSIG(status);
	if (event == PTRACE_EVENT_CLONE || event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK)
		add(tracer, (pid_t)get_message(thread->tid));
	if (event == PTRACE_EVENT_EXEC)
		keep_only(tracer, thread);
	if (!is_stop_signal(WSTOPSIG(status)))
		threads_restart_call(thread->tid);
	ptrace(PTRACE_DETACH, thread->tid, NULL, (long)signal);
	followed_remove(&tracer->followed, thread);
}

// Everything that has happened to those who are followed.
static void take_all(struct tracer *tracer, bool is_letting_go)
{
	size_t num_threads;
	pid_t *tids = followed_list(&tracer->followed, &num_threads);
	for (size_t i = 0; i < num_threads; i++) {
		int status;
		struct followed_thread *thread = followed_find(&tracer->followed, tids[i]);
		pid_t result = thread ? waitpid(tids[i], &status, WNOHANG | __WALL) : 0;
		if (result < 0 && errno == ECHILD)
			followed_remove(&tracer->followed, thread);
		else if (result > 0 && is_letting_go && WIFSTOPPED(status))
			let_go(tracer, thread, status);
		else if (result > 0)
			tracer_take(tracer, tids[i], &status);
	}
	free(tids);
}

static void take_all_for(struct tracer *tracer, int64_t limit_ns, bool is_letting_go)
{
	int64_t since_ns = system_clock_ns(CLOCK_MONOTONIC);
	while (tracer->followed.threads && system_clock_ns(CLOCK_MONOTONIC) - since_ns < limit_ns) {
		take_all(tracer, is_letting_go);
		nap();
	}
}

size_t tracer_release(struct tracer *tracer, int64_t grace_ns)
{
	take_all_for(tracer, grace_ns, false);
	size_t num_left = HASH_COUNT(tracer->followed.processes);
	for (const struct followed_thread *thread = tracer->followed.threads; thread; thread = thread->hh.next)
		ptrace(PTRACE_INTERRUPT, thread->tid, NULL, NULL);
	take_all_for(tracer, LET_GO_NS, true);
	return num_left;
}
