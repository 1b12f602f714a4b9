// SPDX-License-Identifier: Apache-2.0
// Threads: all threads of another process, stopped for a while.  OUTSIDE.
#include "target/threads.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/system.h"
#include "target/process.h"
#include "target/refusal.h"

#define NAP_NS 20000
#define REAP_NS INT64_C(100000000) // a thread that is being killed takes so long at most on a machine that does anything
#define NO_HANDLER_RESTARTS (-514L) // ERESTARTNOHAND of the kernel
#define CODE_SEGMENT_64 0x33

// Linux fails these with EINTR after any stop (signal(7)), sockets if they have a timeout.
static const unsigned short interrupted_calls[] = {
	SYS_read, SYS_readv, SYS_write, SYS_writev, SYS_recvfrom, SYS_recvmsg, SYS_recvmmsg, SYS_sendto, SYS_sendmsg,
	SYS_sendmmsg, SYS_accept, SYS_accept4, SYS_connect, SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_pwait2, SYS_semop,
	SYS_semtimedop, SYS_rt_sigtimedwait, SYS_io_getevents, SYS_io_pgetevents, SYS_io_uring_enter,
};

static bool is_interrupted_call(unsigned long number)
{
	for (size_t i = 0; i < sizeof(interrupted_calls) / sizeof(*interrupted_calls); i++)
		if (interrupted_calls[i] == number)
			return true;
	return false;
}

// The kernel decides when the thread goes on, so that a signal that comes meanwhile is not missed: with a handler to run
// this value becomes EINTR, without one the call is made again.  A timeout then begins anew.
void threads_restart_call(pid_t tid)
{
	struct user_regs_struct registers;
	if (ptrace(PTRACE_GETREGS, tid, NULL, &registers) == 0 && (long)registers.rax == -EINTR &&
	    registers.cs == CODE_SEGMENT_64 && is_interrupted_call(registers.orig_rax))
		ptrace(PTRACE_POKEUSER, tid, offsetof(struct user, regs.rax), NO_HANDLER_RESTARTS);
}

// As many as fit.  What is not supported by the processor is not there.
static void add_vector_registers(struct thread_state *state, pid_t tid)
{
	size_t left = sizeof(state->words) - state->num_words * sizeof(*state->words);
	struct iovec vector = { state->words + state->num_words, left };
	bool is_read = ptrace(PTRACE_GETREGSET, tid, NT_X86_XSTATE, &vector) == 0;
	if (!is_read) {
		vector.iov_len = left;
		is_read = ptrace(PTRACE_GETREGSET, tid, NT_PRFPREG, &vector) == 0;
	}
	if (is_read)
		state->num_words += vector.iov_len / sizeof(*state->words);
}

bool threads_read_registers(struct thread_state *state, pid_t tid)
{
	struct user_regs_struct of;
	if (ptrace(PTRACE_GETREGS, tid, NULL, &of) != 0)
		return false;
	const uint64_t general[] = {
		of.rax, of.rbx, of.rcx, of.rdx, of.rsi, of.rdi, of.rbp, of.rsp, of.r8,	   of.r9,
		of.r10, of.r11, of.r12, of.r13, of.r14, of.r15, of.rip, of.fs_base, of.gs_base,
	};
	state->tid = tid;
	state->pc = of.rip;
	state->sp = of.rsp;
	state->fs_base = of.fs_base;
	state->num_words = sizeof(general) / sizeof(*general);
	memcpy(state->words, general, sizeof(general));
	state->num_general = state->num_words;
	state->is_in_system_call = (int64_t)of.orig_rax >= 0;
	add_vector_registers(state, tid);
	return true;
}

static void nap(void)
{
	static const struct timespec duration = { .tv_nsec = NAP_NS };
	nanosleep(&duration, NULL);
}

static void tell_to_stop(struct thread_state *state)
{
	state->num_words = 0; // until it has stopped
	ptrace(PTRACE_INTERRUPT, state->tid, NULL, NULL);
}

// They are listed in the order in which they were begun: nearly always where it was the last time.
static bool is_known(const struct threads *threads, pid_t tid, size_t guess)
{
	if (guess < threads->num_states && threads->states[guess].tid == tid)
		return true;
	for (size_t i = 0; i < threads->num_states; i++)
		if (threads->states[i].tid == tid)
			return true;
	return false;
}

// One that has ended, or does just now, does not matter.
static bool add_thread(struct threads *threads, pid_t tid, struct error *error)
{
	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0) {
		int reason = errno;
		return reason == ESRCH || !process_is_alive(tid) || refusal_explain(threads->pid, reason, error);
	}
	threads->states = memory_grow(threads->states, threads->num_states, sizeof(*threads->states));
	struct thread_state *state = &threads->states[threads->num_states++];
	state->tid = tid;
	state->signal = 0;
	tell_to_stop(state);
	return true;
}

// num_new: how many there were that had not been told to stop.
static bool add_new(struct threads *threads, size_t *num_new, struct error *error)
{
	char path[64];
	struct dirent *entry;
	size_t num_before = threads->num_states, place = 0;
	snprintf(path, sizeof(path), "/proc/%d/task", (int)threads->pid);
	DIR *tasks = opendir(path);
	if (!tasks)
		return error_set(error, "process %d: has ended", (int)threads->pid);
	bool is_well = true;
	while (is_well && (entry = readdir(tasks))) {
		pid_t tid = atoi(entry->d_name);
		if (tid > 0 && !is_known(threads, tid, place++))
			is_well = add_thread(threads, tid, error);
	}
	closedir(tasks);
	*num_new = threads->num_states - num_before;
	return is_well;
}

static void remove_thread(struct threads *threads, size_t i)
{
	memmove(&threads->states[i], &threads->states[i + 1], (threads->num_states - i - 1) * sizeof(*threads->states));
	threads->num_states--;
}

// True if it has stopped.  is_gone: it has ended.
static bool has_stopped(struct thread_state *state, bool *is_gone)
{
	int status;
	pid_t result = waitpid(state->tid, &status, WNOHANG | __WALL);
	*is_gone = result < 0 || (result > 0 && !WIFSTOPPED(status));
	if (result <= 0 || *is_gone)
		return false;
	if (status >> 16 == 0)
		state->signal = WSTOPSIG(status);
	threads_restart_call(state->tid);
	return threads_read_registers(state, state->tid);
}

// 0: all have stopped; else one that has not.
static pid_t find_running(struct threads *threads)
{
	pid_t running = 0;
	for (size_t i = threads->num_states; i-- > 0;) {
		bool is_gone;
		struct thread_state *state = &threads->states[i];
		if (state->num_words)
			continue;
		if (!has_stopped(state, &is_gone) && !is_gone)
			running = state->tid;
		if (is_gone)
			remove_thread(threads, i);
	}
	return running;
}

// A thread that had stopped may have been killed since, and then another that executes a program has its number.
static bool are_stopped(struct threads *threads)
{
	bool are_all = true;
	for (size_t i = threads->num_states; i-- > 0;) {
		struct thread_state *state = &threads->states[i];
		struct user_regs_struct unused;
		if (ptrace(PTRACE_GETREGS, state->tid, NULL, &unused) == 0)
			continue;
		tell_to_stop(state);
		are_all = false;
	}
	return are_all;
}

static bool wait_for_all(struct threads *threads, int64_t limit_ns, struct error *error)
{
	pid_t running;
	while ((running = find_running(threads)) != 0) {
		if (system_clock_ns(CLOCK_MONOTONIC) - threads->since_ns > limit_ns)
			return error_set(error, "process %d: thread %d waits in the kernel and did not stop within %" PRId64 " ms",
					 (int)threads->pid, (int)running, limit_ns / 1000000);
		nap();
	}
	return true;
}

static bool stop_all(struct threads *threads, int64_t limit_ns, struct error *error)
{
	size_t num_new;
	do {
		if (!add_new(threads, &num_new, error) || !wait_for_all(threads, limit_ns, error))
			return false;
		if (system_clock_ns(CLOCK_MONOTONIC) - threads->since_ns > limit_ns)
			return error_set(error, "process %d: not all of its threads, or those that it began meanwhile, stopped within %" PRId64 " ms",
					 (int)threads->pid, limit_ns / 1000000);
	} while (num_new > 0 || !are_stopped(threads));
	return threads->num_states > 0 || refusal_explain(threads->pid, ESRCH, error);
}

// Who is killed stays, until we take note of its end.
static void note_end(pid_t tid)
{
	int64_t since_ns = system_clock_ns(CLOCK_MONOTONIC);
	while (waitpid(tid, NULL, WNOHANG | __WALL) == 0 && system_clock_ns(CLOCK_MONOTONIC) - since_ns < REAP_NS)
		nap();
}

// One that has not stopped in time may have by now, with a signal that must not be lost.
void threads_resume(struct threads *threads)
{
	for (size_t i = 0; i < threads->num_states; i++) {
		bool is_gone;
		struct thread_state *state = &threads->states[i];
		if (!state->num_words)
			has_stopped(state, &is_gone);
		if (ptrace(PTRACE_DETACH, state->tid, NULL, (long)state->signal) != 0 && state->num_words)
			note_end(state->tid);
	}
	free(threads->states);
	threads->states = NULL;
	threads->num_states = 0;
}

bool threads_stop(struct threads *threads, pid_t pid, int64_t limit_ns, struct error *error)
{
	*threads = (struct threads){ .pid = pid, .since_ns = system_clock_ns(CLOCK_MONOTONIC) };
	if (!refusal_is_absent(pid, error))
		return false;
	if (stop_all(threads, limit_ns, error))
		return true;
	threads_resume(threads);
	return false;
}
