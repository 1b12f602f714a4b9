// SPDX-License-Identifier: Apache-2.0
// All threads of another process, stopped for a while: nothing runs meanwhile, and afterwards nothing has changed.
#include "unit/unit.h"
#include "unit/tracing.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/system.h"
#include "target/process.h"
#include "target/threads.h"

#define LIMIT_NS INT64_C(5000000000)
#define NUM_STOPS 200
#define PATTERN UINT64_C(0x5041545445524e21)

// What a child tells; shared with it.
struct told {
	atomic_uint num_ready, num_steps, num_interrupted, num_handled;
	atomic_int tid;
};

static struct told *told;

static void *wait_for_ever(void *unused)
{
	atomic_fetch_add(&told->num_ready, 1);
	for (;;)
		pause();
	return unused;
}

static void *step(void *unused)
{
	atomic_fetch_add(&told->num_ready, 1);
	for (;;) {
		atomic_fetch_add(&told->num_steps, 1);
		usleep(100);
	}
	return unused;
}

static void begin(void *(*work)(void *), void *argument)
{
	pthread_t thread;
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	while (pthread_create(&thread, &attributes, work, argument) != 0)
		usleep(1000);
	pthread_attr_destroy(&attributes);
}

static void begin_steps(void)
{
	begin(step, NULL);
	wait_for_ever(NULL);
}

static void begin_hundred(void)
{
	for (int i = 0; i < 99; i++)
		begin(i % 10 ? wait_for_ever : step, NULL);
	wait_for_ever(NULL);
}

static void *step_once(void *unused)
{
	usleep(2000); // it must not be over before anybody looks
	atomic_fetch_add(&told->num_steps, 1);
	return unused;
}

static void *begin_without_end(void *unused)
{
	atomic_fetch_add(&told->num_ready, 1);
	for (;;)
		begin(step_once, NULL);
	return unused;
}

static void begin_from_all_sides(void)
{
	for (int i = 0; i < 8; i++)
		begin(begin_without_end, NULL);
	begin_without_end(NULL);
}

static void leave_first(void)
{
	begin(step, NULL);
	pthread_exit(NULL);
}

static void end(void)
{
	_exit(0);
}

static void vfork_long(void)
{
	begin(step, NULL);
	while (atomic_load(&told->num_ready) == 0)
		usleep(1000);
	if (vfork() == 0) {
		atomic_store(&told->tid, (int)getppid());
		atomic_fetch_add(&told->num_ready, 1);
		usleep(400000);
		_exit(0);
	}
	wait_for_ever(NULL);
}

static void note_result(long result)
{
	if (result < 0 && errno == EINTR)
		atomic_fetch_add(&told->num_interrupted, 1);
}

static void *poll_events(void *unused)
{
	struct epoll_event event;
	int epoll = epoll_create1(0);
	for (atomic_fetch_add(&told->num_ready, 1);;)
		note_result(epoll_wait(epoll, &event, 1, -1));
	return unused;
}

static void *poll_events_masked(void *unused)
{
	struct epoll_event event;
	sigset_t none;
	int epoll = epoll_create1(0);
	sigemptyset(&none);
	for (atomic_fetch_add(&told->num_ready, 1);;)
		note_result(epoll_pwait(epoll, &event, 1, 3600000, &none));
	return unused;
}

static void *take_semaphore(void *set)
{
	struct sembuf down = { 0, -1, 0 };
	for (atomic_fetch_add(&told->num_ready, 1);;)
		note_result(semop((int)(intptr_t)set, &down, 1));
	return NULL;
}

static void *wait_for_signal(void *unused)
{
	sigset_t one;
	sigemptyset(&one);
	sigaddset(&one, SIGRTMAX);
	for (atomic_fetch_add(&told->num_ready, 1);;)
		note_result(sigwaitinfo(&one, NULL));
	return unused;
}

static void *receive(void *unused)
{
	int ends[2];
	char byte;
	const struct timeval hour = { 3600, 0 };
	socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
	setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &hour, sizeof(hour));
	for (atomic_fetch_add(&told->num_ready, 1);;)
		note_result(recv(ends[0], &byte, 1, 0));
	return unused;
}

static void count_handled(int number)
{
	(void)number;
	atomic_fetch_add(&told->num_handled, 1);
}

static int semaphores; // of the test's own; removed by it

static void wait_in_calls(void)
{
	begin(take_semaphore, (void *)(intptr_t)semaphores);
	begin(poll_events_masked, NULL);
	begin(wait_for_signal, NULL);
	begin(receive, NULL);
	poll_events(NULL);
}

static void handle_signals(void)
{
	const struct sigaction action = { .sa_handler = count_handled, .sa_flags = SA_RESTART };
	sigaction(SIGRTMIN, &action, NULL);
	poll_events(NULL);
}

// One that got lost would not have been handled before the next.
static void signal_itself(void)
{
	const struct sigaction action = { .sa_handler = count_handled };
	sigaction(SIGRTMIN, &action, NULL);
	for (atomic_fetch_add(&told->num_ready, 1);; atomic_fetch_add(&told->num_steps, 1)) {
		raise(SIGRTMIN);
		if (atomic_load(&told->num_handled) != atomic_load(&told->num_steps) + 1)
			atomic_store(&told->tid, gettid());
	}
}

// In a general register, in the lower and in the upper half of a vector register.
static void keep_patterns(void)
{
	atomic_fetch_add(&told->num_ready, 1);
	uint64_t low = PATTERN + 1, high = PATTERN + 2;
	__asm__ volatile("movq %2, %%r12\n\tmovq %0, %%xmm7\n\tmovq %1, %%xmm8\n\tpshufd $0x4e, %%xmm8, %%xmm8\n\t"
			 "xorq %0, %0\n\txorq %1, %1\n1:\tpause\n\tjmp 1b"
			 : "+r"(low), "+r"(high) : "r"(PATTERN) : "r12", "xmm7", "xmm8");
}

// It is gone when the test is, whatever happens.
static pid_t fork_child(void (*work)(void), unsigned num_ready)
{
	memset(told, 0, sizeof(*told));
	pid_t child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		work();
		_exit(1);
	}
	for (int i = 0; i < 5000 && atomic_load(&told->num_ready) < num_ready; i++)
		usleep(1000);
	assert_true(atomic_load(&told->num_ready) >= num_ready);
	usleep(20000); // into the call that it waits in
	return child;
}

static void end_child(pid_t child)
{
	kill(child, SIGKILL);
	assert_int_equal(child, waitpid(child, NULL, 0));
}

static void stop(struct threads *threads, pid_t pid)
{
	struct error error = { "" };
	if (!threads_stop(threads, pid, LIMIT_NS, &error))
		fail_msg("%s", error.message);
}

static bool steps_go_on(void)
{
	unsigned before = atomic_load(&told->num_steps);
	usleep(30000);
	return atomic_load(&told->num_steps) != before;
}

#define NEEDS_TRACING() \
	(void)state;        \
	if (!can_trace())   \
	skip()

static void test_a_hundred_threads_stop_and_go_on(void **state)
{
	NEEDS_TRACING();
	struct threads threads;
	pid_t child = fork_child(begin_hundred, 100);
	assert_true(steps_go_on());
	int64_t longest_ns = 0;
	for (int i = 0; i < 10; i++) {
		stop(&threads, child);
		assert_true(threads.num_states >= 100);
		int64_t since_ns = threads.since_ns;
		threads_resume(&threads);
		int64_t pause_ns = system_clock_ns(CLOCK_MONOTONIC) - since_ns;
		longest_ns = pause_ns > longest_ns ? pause_ns : longest_ns;
	}
	print_message("100 threads are stopped for %.2f ms\n", (double)longest_ns / 1e6);
	stop(&threads, child);
	assert_false(steps_go_on());
	threads_resume(&threads);
	assert_true(steps_go_on());
	end_child(child);
}

static void test_threads_that_begin_meanwhile_are_stopped_too(void **state)
{
	NEEDS_TRACING();
	struct threads threads;
	pid_t child = fork_child(begin_from_all_sides, 9);
	for (int i = 0; i < 100; i++) {
		stop(&threads, child);
		unsigned before = atomic_load(&told->num_steps);
		usleep(5000);
		assert_int_equal(before, atomic_load(&told->num_steps));
		threads_resume(&threads);
		usleep(5000);
	}
	assert_true(steps_go_on());
	end_child(child);
}

static void test_a_process_whose_first_thread_has_left_can_be_stopped(void **state)
{
	NEEDS_TRACING();
	struct threads threads;
	pid_t child = fork_child(leave_first, 1);
	stop(&threads, child);
	assert_true(threads.num_states >= 1);
	assert_int_not_equal(child, threads.states[0].tid);
	assert_false(steps_go_on());
	threads_resume(&threads);
	end_child(child);
}

static bool has_word(const struct thread_state *state, uint64_t word)
{
	for (size_t i = 0; i < state->num_words; i++)
		if (state->words[i] == word)
			return true;
	return false;
}

static void test_pointers_are_found_in_all_registers(void **state)
{
	NEEDS_TRACING();
	struct threads threads;
	pid_t child = fork_child(keep_patterns, 1);
	stop(&threads, child);
	const struct thread_state *first = &threads.states[0];
	assert_int_equal(child, first->tid);
	assert_true(first->num_words <= THREAD_MAX_WORDS);
	assert_true(has_word(first, PATTERN));
	assert_true(has_word(first, PATTERN + 1));
	assert_true(has_word(first, PATTERN + 2));
	assert_true(has_word(first, first->pc) && has_word(first, first->sp) && has_word(first, first->fs_base));
	assert_true(first->pc && first->sp && first->fs_base);
	threads_resume(&threads);
	end_child(child);
}

// What the kernel does to calls that wait when a thread is stopped.
static void stop_plainly(pid_t tid)
{
	assert_int_equal(0, ptrace(PTRACE_SEIZE, tid, NULL, NULL));
	ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
	assert_int_equal(tid, waitpid(tid, NULL, __WALL));
	ptrace(PTRACE_DETACH, tid, NULL, NULL);
	usleep(1000);
}

static void test_calls_that_wait_are_not_interrupted(void **state)
{
	NEEDS_TRACING();
	struct threads threads;
	semaphores = semget(IPC_PRIVATE, 1, 0600);
	pid_t child = fork_child(wait_in_calls, 5);
	for (int i = 0; i < NUM_STOPS; i++) {
		stop(&threads, child);
		threads_resume(&threads);
		usleep(1000);
	}
	assert_int_equal(0, atomic_load(&told->num_interrupted));
	for (int i = 0; i < 5; i++)
		stop_plainly(child);
	assert_int_equal(5, atomic_load(&told->num_interrupted));
	end_child(child);
	semctl(semaphores, 0, IPC_RMID);
}

static void test_a_signal_that_comes_meanwhile_interrupts_the_call(void **state)
{
	NEEDS_TRACING();
	struct threads threads;
	pid_t child = fork_child(handle_signals, 1);
	for (unsigned i = 1; i <= 20; i++) {
		stop(&threads, child);
		sigqueue(child, SIGRTMIN, (union sigval){ 0 });
		threads_resume(&threads);
		usleep(5000);
		assert_int_equal(i, atomic_load(&told->num_handled));
		assert_int_equal(i, atomic_load(&told->num_interrupted));
	}
	end_child(child);
}

static void test_no_signal_is_lost(void **state)
{
	NEEDS_TRACING();
	struct threads threads;
	pid_t child = fork_child(handle_signals, 1);
	for (int i = 0; i < NUM_STOPS; i++) {
		sigqueue(child, SIGRTMIN, (union sigval){ 0 }); // some arrive just before it stops
		stop(&threads, child);
		threads_resume(&threads);
	}
	usleep(50000);
	assert_int_equal(NUM_STOPS, atomic_load(&told->num_handled));
	end_child(child);
}

static void test_no_signal_is_lost_on_the_way_to_its_handler(void **state)
{
	NEEDS_TRACING();
	struct threads threads;
	unsigned num_caught = 0;
	pid_t child = fork_child(signal_itself, 1);
	for (int i = 0; i < NUM_STOPS * 5 || (num_caught == 0 && i < NUM_STOPS * 100); i++) {
		stop(&threads, child);
		num_caught += threads.states[0].signal == SIGRTMIN;
		threads_resume(&threads);
	}
	assert_true(steps_go_on());
	assert_int_equal(0, atomic_load(&told->tid));
	end_child(child);
	if (num_caught == 0) {
		print_message("no thread was stopped on the way in %d attempts\n", NUM_STOPS * 100);
		skip();
	}
}

static void test_what_a_signal_has_stopped_stays_stopped(void **state)
{
	NEEDS_TRACING();
	struct threads threads;
	int status;
	pid_t child = fork_child(begin_steps, 2);
	kill(child, SIGSTOP);
	assert_int_equal(child, waitpid(child, &status, WUNTRACED));
	stop(&threads, child);
	threads_resume(&threads);
	assert_false(steps_go_on());
	assert_true(process_is_stopped(child));
	kill(child, SIGCONT);
	usleep(10000);
	assert_true(steps_go_on());
	end_child(child);
}

static void assert_refused(pid_t pid, int64_t limit_ns, const char *part)
{
	struct threads threads;
	struct error error = { "" };
	char name[32];
	assert_false(threads_stop(&threads, pid, limit_ns, &error));
	snprintf(name, sizeof(name), "process %d: ", (int)pid);
	assert_non_null(strstr(error.message, name));
	if (!strstr(error.message, part))
		fail_msg("'%s' does not say '%s'", error.message, part);
	assert_int_equal(0, threads.num_states);
}

static void test_a_thread_that_does_not_stop_is_named_and_the_others_go_on(void **state)
{
	NEEDS_TRACING();
#ifdef __SANITIZE_THREAD__
	print_message("its vfork() is a fork(), for which nobody waits\n");
	skip();
#endif
	char part[64];
	pid_t child = fork_child(vfork_long, 2);
	snprintf(part, sizeof(part), "thread %d waits in the kernel and did not stop within 50 ms", (int)child);
	assert_refused(child, INT64_C(50000000), part);
	assert_true(steps_go_on());
	end_child(child);
}

static void test_what_cannot_be_stopped_is_said(void **state)
{
	NEEDS_TRACING();
	pid_t child = fork_child(end, 0);
	assert_refused(getpid(), LIMIT_NS, "is cairn itself");
	assert_refused(child, LIMIT_NS, "has ended; its parent has not asked");
	waitpid(child, NULL, 0);
	assert_refused(child, LIMIT_NS, "there is none");
	assert_refused(-1, LIMIT_NS, "there is none");
	if (process_is_of_kernel(2))
		assert_refused(2, LIMIT_NS, "is a part of the kernel");
}

static void test_a_thread_is_not_a_process(void **state)
{
	NEEDS_TRACING();
	struct threads threads;
	pid_t child = fork_child(begin_steps, 2);
	stop(&threads, child);
	pid_t tid = threads.states[threads.num_states - 1].tid;
	threads_resume(&threads);
	assert_int_not_equal(child, tid);
	assert_refused(tid, LIMIT_NS, "is a thread of process");
	end_child(child);
}

static void test_what_another_traces_is_left_to_it(void **state)
{
	NEEDS_TRACING();
	char part[64];
	pid_t child = fork_child(begin_steps, 2), other = fork();
	if (other == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "debugger");
		atomic_store(&told->tid, ptrace(PTRACE_SEIZE, child, NULL, NULL) == 0 ? 1 : -1);
		for (;;)
			pause();
	}
	while (atomic_load(&told->tid) == 0)
		usleep(1000);
	if (atomic_load(&told->tid) == 1) { // Yama may reserve it to the parent
		snprintf(part, sizeof(part), "is traced already, by process %d (debugger)", (int)other);
		assert_refused(child, LIMIT_NS, part);
	}
	end_child(other);
	end_child(child);
}

static void test_others_processes_are_refused(void **state)
{
	NEEDS_TRACING();
	if (geteuid() != 0)
		skip(); // only root can become somebody else
	int status;
	pid_t child = fork_child(begin_steps, 2), other = fork();
	if (other == 0) {
		struct threads threads;
		struct error error;
		bool is_done = setuid(65534) != 0 || threads_stop(&threads, child, LIMIT_NS, &error);
		_exit(!is_done && strstr(error.message, "belongs to user 0; run cairn as that user, or with sudo") ? 0 : 1);
	}
	waitpid(other, &status, 0);
	assert_int_equal(0, status);
	end_child(child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_hundred_threads_stop_and_go_on),
		cmocka_unit_test(test_threads_that_begin_meanwhile_are_stopped_too),
		cmocka_unit_test(test_a_process_whose_first_thread_has_left_can_be_stopped),
		cmocka_unit_test(test_pointers_are_found_in_all_registers),
		cmocka_unit_test(test_calls_that_wait_are_not_interrupted),
		cmocka_unit_test(test_a_signal_that_comes_meanwhile_interrupts_the_call),
		cmocka_unit_test(test_no_signal_is_lost),
		cmocka_unit_test(test_no_signal_is_lost_on_the_way_to_its_handler),
		cmocka_unit_test(test_what_a_signal_has_stopped_stays_stopped),
		cmocka_unit_test(test_a_thread_that_does_not_stop_is_named_and_the_others_go_on),
		cmocka_unit_test(test_what_cannot_be_stopped_is_said),
		cmocka_unit_test(test_a_thread_is_not_a_process),
		cmocka_unit_test(test_what_another_traces_is_left_to_it),
		cmocka_unit_test(test_others_processes_are_refused),
	};
	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
