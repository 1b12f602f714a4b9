// SPDX-License-Identifier: Apache-2.0
// Work in a child process: its answer comes whole or not at all, and nothing of it stays.
#include "unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "symbolize/isolation.h"

#define MIB (UINT64_C(1) << 20)
#define NUM_FILES 20
#define MAX_NS INT64_C(200000000) // for all of them: 20 ms on an idle machine, which a test cannot count on

static const struct isolation_limits limits = { .processor_s = 1, .memory_bytes = 64 * MIB, .answer_bytes = MIB };

static void write_much(void *context, FILE *answer)
{
	for (size_t i = *(size_t *)context; i > 0; i--)
		fputc((int)(i % 251), answer);
}

static void crash(void *context, FILE *answer)
{
	fputs("half of an answer", answer);
	fflush(answer);
	raise(*(int *)context);
}

static void spin(void *context, FILE *answer)
{
	(void)answer;
	for (volatile unsigned *count = context;;)
		++*count;
}

static void wait_for_ever(void *context, FILE *answer)
{
	(void)context, (void)answer;
	for (;;)
		pause();
}

static void eat(void *context, FILE *answer)
{
	(void)context;
	for (size_t i = 0; i < 4096; i++) {
		void *memory = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (memory == MAP_FAILED)
			exit(EXIT_FAILURE); // as libraries do
	}
	fputs("all the memory there is", answer);
}

static void speak(void *context, FILE *answer)
{
	(void)context;
	puts("a library's complaint");
	fflush(stdout);
	fputs("a library's complaint\n", stderr);
	fputs("answer", answer);
}

static size_t count_descriptors(void)
{
	size_t count = 0;
	DIR *directory = opendir("/proc/self/fd");
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

static void assert_nothing_stays(size_t num_descriptors)
{
	assert_int_equal(num_descriptors, count_descriptors());
	assert_int_equal(-1, waitpid(-1, NULL, WNOHANG));
	assert_int_equal(ECHILD, errno);
}

static void assert_fails(void (*work)(void *context, FILE *answer), void *context, const char *problem)
{
	struct isolation_answer answer;
	struct error error;
	size_t num_descriptors = count_descriptors();
	assert_false(isolation_run(work, context, &limits, &answer, &error));
	assert_string_equal(problem, error.message);
	assert_null(answer.bytes);
	assert_nothing_stays(num_descriptors);
}

static void test_an_answer_comes_whole(void **state)
{
	(void)state;
	for (size_t size = 0; size < limits.answer_bytes; size = size * 3 + 1) {
		struct isolation_answer answer;
		struct error error;
		size_t num_descriptors = count_descriptors();
		assert_true(isolation_run(write_much, &size, &limits, &answer, &error));
		assert_int_equal(size, answer.num_bytes);
		for (size_t i = 0; i < size; i++)
			assert_int_equal((size - i) % 251, answer.bytes[i]);
		free(answer.bytes);
		assert_nothing_stays(num_descriptors);
	}
}

static void test_a_crash_is_told_by_its_signal(void **state)
{
	(void)state;
	assert_fails(crash, &(int){ SIGSEGV }, "the lookup was ended by SIGSEGV");
	assert_fails(crash, &(int){ SIGABRT }, "the lookup was ended by SIGABRT");
}

static void test_work_without_end_is_ended(void **state)
{
	(void)state;
	assert_fails(spin, &(unsigned){ 0 }, "the lookup took more than 1 s");
}

// Where a command waits for signals, they are blocked.
static void test_work_without_end_is_ended_where_signals_are_blocked(void **state)
{
	(void)state;
	sigset_t all, before;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	assert_fails(spin, &(unsigned){ 0 }, "the lookup took more than 1 s");
	sigprocmask(SIG_SETMASK, &before, NULL);
}

static void test_work_that_waits_is_ended(void **state)
{
	(void)state;
	assert_fails(wait_for_ever, NULL, "the lookup waited for more than 4 s");
}

static void test_memory_is_limited(void **state)
{
	(void)state;
	assert_fails(eat, NULL, "the lookup ran out of memory");
}

static void test_an_answer_without_end_is_not_taken(void **state)
{
	(void)state;
	assert_fails(write_much, &(size_t){ SIZE_MAX }, "the lookup found more than 1 MiB");
}

static void test_a_child_is_silent(void **state)
{
	(void)state;
	FILE *file = tmpfile();
	int output = dup(STDOUT_FILENO), errors = dup(STDERR_FILENO);
	struct isolation_answer answer;
	struct error error;
	fflush(stdout);
	dup2(fileno(file), STDOUT_FILENO);
	dup2(fileno(file), STDERR_FILENO);
	fputs("once", stdout); // not written yet
	bool is_done = isolation_run(speak, NULL, &limits, &answer, &error);
	fflush(stdout);
	dup2(output, STDOUT_FILENO);
	dup2(errors, STDERR_FILENO);
	close(output);
	close(errors);
	assert_true(is_done);
	assert_memory_equal("answer", answer.bytes, answer.num_bytes);
	fseek(file, 0, SEEK_END);
	assert_int_equal(strlen("once"), ftell(file));
	fclose(file);
	free(answer.bytes);
}

static void test_a_child_that_cannot_be_started_is_a_problem(void **state)
{
	(void)state;
	struct rlimit before, none;
	getrlimit(RLIMIT_NOFILE, &before);
	none = before;
	none.rlim_cur = 3;
	struct isolation_answer answer;
	struct error error;
	setrlimit(RLIMIT_NOFILE, &none);
	bool is_done = isolation_run(write_much, &(size_t){ 1 }, &limits, &answer, &error);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_false(is_done);
	assert_string_equal("the lookup cannot be started: Too many open files", error.message);
	assert_null(answer.bytes);
}

static void test_children_are_waited_for_where_they_are_ignored(void **state)
{
	(void)state;
	struct sigaction before, after;
	signal(SIGCHLD, SIG_IGN);
	assert_fails(crash, &(int){ SIGSEGV }, "the lookup was ended by SIGSEGV");
	sigaction(SIGCHLD, NULL, &after);
	assert_ptr_equal(SIG_IGN, after.sa_handler);
	before = (struct sigaction){ .sa_handler = SIG_DFL };
	sigaction(SIGCHLD, &before, NULL);
}

static void test_a_child_costs_little(void **state)
{
	(void)state;
	struct timespec start, end;
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (int i = 0; i < NUM_FILES; i++) {
		struct isolation_answer answer;
		struct error error;
		assert_true(isolation_run(write_much, &(size_t){ 100 }, &limits, &answer, &error));
		free(answer.bytes);
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	int64_t taken_ns = (end.tv_sec - start.tv_sec) * INT64_C(1000000000) + (end.tv_nsec - start.tv_nsec);
	print_message("%d children: %.1f ms\n", NUM_FILES, (double)taken_ns / 1e6);
	assert_in_range(taken_ns, 0, MAX_NS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_answer_comes_whole),
		cmocka_unit_test(test_a_crash_is_told_by_its_signal),
		cmocka_unit_test(test_work_without_end_is_ended),
		cmocka_unit_test(test_work_without_end_is_ended_where_signals_are_blocked),
		cmocka_unit_test(test_work_that_waits_is_ended),
		cmocka_unit_test(test_memory_is_limited),
		cmocka_unit_test(test_an_answer_without_end_is_not_taken),
		cmocka_unit_test(test_a_child_is_silent),
		cmocka_unit_test(test_a_child_that_cannot_be_started_is_a_problem),
		cmocka_unit_test(test_children_are_waited_for_where_they_are_ignored),
		cmocka_unit_test(test_a_child_costs_little),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
