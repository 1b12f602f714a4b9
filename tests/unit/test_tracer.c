// SPDX-License-Identifier: Apache-2.0
// A program's tree, held at its end: each process once, with its memory, and nobody notices.
#include "unit/unit.h"
#include "unit/tracing.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/system.h"
#include "launch/child.h"
#include "unit/endings.h"

#define MAX_ENDS 16
#define PROMPT_NS INT64_C(900000000) // less than what a tracer waits for a thread that does not come

enum mode { ALONE, FOLLOWED, FIRST_ONLY, KILLED_WHILE_HELD };

struct end {
	int wait_status;
	size_t num_threads;
	bool is_whole, has_memory, are_mapped, has_stack;
};

// What a runner tells; shared with it.
struct outcome {
	bool is_traced;
	struct error error;
	int wait_status;
	int64_t duration_ns;
	size_t num_ends;
	struct end ends[MAX_ENDS];
	enum mode mode;
};

struct run {
	struct outcome *outcome;
	pid_t runner;
	int output; // of the program
};

static const char *program;

static bool read_word(pid_t tid, uint64_t address, uint64_t *word)
{
	struct iovec here = { word, sizeof(*word) }, there = { (void *)address, sizeof(*word) };
	return process_vm_readv(tid, &here, 1, &there, 1, 0) == (ssize_t)sizeof(*word);
}

static bool has_mappings(pid_t tid)
{
	char path[64], byte;
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)tid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool has_some = fd >= 0 && read(fd, &byte, 1) == 1;
	close(fd);
	return has_some;
}

static void note_end(void *context, const struct tracer_end *of)
{
	struct outcome *outcome = context;
	uint64_t word = 0;
	if (outcome->num_ends == MAX_ENDS)
		return;
	struct end *end = &outcome->ends[outcome->num_ends++];
	if (outcome->mode == KILLED_WHILE_HELD) {
		kill(of->pid, SIGKILL);
		usleep(20000);
	}
	*end = (struct end){ of->wait_status, of->num_threads, of->is_whole, false, has_mappings(of->tid), true };
	end->has_memory = read_word(of->tid, ENDINGS_ADDRESS, &word) && word == ENDINGS_MAGIC;
	for (size_t i = 0; i < of->num_threads; i++)
		end->has_stack &= of->threads[i].num_words > 64 && read_word(of->tid, of->threads[i].sp & ~UINT64_C(7), &word);
}

// A sanitizer must not take the signals, nor look for leaks, for which it traces itself.
static void set_sanitizers(void *unused)
{
	(void)unused;
	setenv("ASAN_OPTIONS", "detect_leaks=0:handle_segv=0:handle_abort=0:use_sigaltstack=0", 1);
}

static void run_alone(struct outcome *outcome, const char *name, int output)
{
	char *argv[] = { (char *)program, (char *)name, NULL };
	int status;
	bool is_first_only = outcome->mode == FIRST_ONLY;
	struct child child = { .path = program, .argv = argv, .prepare = set_sanitizers };
	struct error error = { "" };
	dup2(output, 1);
	setpgid(0, 0); // with a parent in another group of the session: only then ^Z stops anybody
	child.tracer = outcome->mode == ALONE ? NULL : tracer_create(is_first_only, note_end, outcome);
	int64_t since_ns = system_clock_ns(CLOCK_MONOTONIC);
	if (!child_run(&child, &status, &error))
		outcome->error = error;
	else
		outcome->error = child.why_untraced;
	outcome->duration_ns = system_clock_ns(CLOCK_MONOTONIC) - since_ns;
	outcome->wait_status = child.wait_status;
	outcome->is_traced = child.is_traced;
	tracer_destroy(child.tracer);
	_exit(0);
}

static void run_begin(struct run *run, const char *name, enum mode mode)
{
	int ends[2];
	run->outcome = mmap(NULL, sizeof(*run->outcome), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	run->outcome->mode = mode;
	assert_int_equal(0, pipe2(ends, O_CLOEXEC));
	fflush(NULL);
	run->runner = fork();
	if (run->runner == 0)
		run_alone(run->outcome, name, ends[1]);
	close(ends[1]);
	run->output = ends[0];
}

// What the program says until nobody is left who could; at most 4 KiB.
static void run_read(struct run *run, char text[4096])
{
	size_t length = 0;
	ssize_t result;
	while ((result = read(run->output, text + length, 4095 - length)) > 0)
		length += (size_t)result;
	text[length] = 0;
}

static void run_end(struct run *run, struct outcome *outcome)
{
	int status;
	assert_int_equal(run->runner, waitpid(run->runner, &status, 0));
	assert_int_equal(0, status);
	*outcome = *run->outcome;
	munmap(run->outcome, sizeof(*run->outcome));
	close(run->output);
	assert_string_equal("", outcome->error.message);
}

static void run_whole(const char *name, enum mode mode, struct outcome *outcome, char text[4096])
{
	struct run run;
	run_begin(&run, name, mode);
	run_read(&run, text);
	run_end(&run, outcome);
	assert_true(outcome->is_traced == (mode != ALONE));
}

static bool can_follow(void)
{
#ifdef __SANITIZE_THREAD__
	print_message("its runtime adds threads, and forbids them to execute or end as they do here\n");
	return false;
#endif
	return can_trace();
}

#define NEEDS_TRACING() \
	(void)state;        \
	if (!can_follow())   \
	skip()

static void assert_is_end(const struct end *end, size_t num_threads, int wait_status)
{
	assert_true(end->is_whole);
	assert_true(end->has_memory);
	assert_true(end->are_mapped);
	assert_int_equal(num_threads, end->num_threads);
	assert_int_equal(wait_status, end->wait_status);
}

static const struct {
	const char *name;
	int wait_status;
	size_t num_threads, num_ends; // threads of the process that ends last
} table[] = {
	{ "seven", 7 << 8, 1, 1 },
	{ "leave_raw", 5 << 8, 1, 1 },
	{ "others_run", 4 << 8, 3, 1 },
	{ "thread_ends_all", 3 << 8, 4, 1 },
	{ "first_leaves", 3 << 8, 2, 1 },
	{ "last_leaves", 0, 1, 1 },
	{ "many_threads", 8 << 8, 1, 1 },
	{ "aborts", SIGABRT, 3, 1 },
	{ "segfaults", SIGSEGV, 3, 1 },
	{ "overflows", SIGSEGV, 1, 1 },
	{ "terminated", SIGTERM, 3, 1 },
	{ "killed", SIGKILL, 3, 1 },
	{ "thread_executes", 7 << 8, 1, 1 },
	{ "first_leaves_and_thread_executes", 7 << 8, 1, 1 },
	{ "executes", 7 << 8, 1, 1 },
	{ "forks", 6 << 8, 1, 2 },
	{ "vforks", 9 << 8, 1, 1 },
	{ "vforks_and_executes", 7 << 8, 1, 2 },
	{ "shares_memory", 11 << 8, 1, 1 },
	{ "watches_children", 14 << 8, 1, 2 },
};

static void test_every_end_is_held_with_its_memory(void **state)
{
	NEEDS_TRACING();
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct outcome alone, followed;
		char text[4096], text_alone[4096];
		print_message("%s\n", table[i].name);
		run_whole(table[i].name, ALONE, &alone, text_alone);
		run_whole(table[i].name, FOLLOWED, &followed, text);
		assert_int_equal(alone.wait_status & ~0x80, table[i].wait_status);
		assert_int_equal(alone.wait_status, followed.wait_status);
		assert_string_equal(text_alone, text);
		assert_int_equal(table[i].num_ends, followed.num_ends);
		assert_is_end(&followed.ends[followed.num_ends - 1], table[i].num_threads, followed.wait_status);
		assert_true(followed.ends[followed.num_ends - 1].has_stack == (strcmp(table[i].name, "overflows") != 0));
		assert_true(followed.duration_ns < PROMPT_NS);
	}
}

static void test_a_core_file_is_written_as_ever(void **state)
{
	struct outcome alone, followed;
	char text[4096], directory[] = "/tmp/test_tracer.XXXXXX";
	NEEDS_TRACING();
	assert_non_null(mkdtemp(directory));
	assert_int_equal(0, chdir(directory));
	run_whole("dumps_core", ALONE, &alone, text);
	run_whole("dumps_core", FOLLOWED, &followed, text);
	assert_int_equal(0, chdir("/"));
	snprintf(text, sizeof(text), "rm -r %s", directory);
	assert_int_equal(0, system(text));
	assert_int_equal(alone.wait_status, followed.wait_status);
	assert_int_equal(1, followed.num_ends);
	assert_is_end(&followed.ends[0], 3, alone.wait_status);
}

static void test_descendants_can_be_left_alone(void **state)
{
	struct outcome outcome;
	char text[4096];
	NEEDS_TRACING();
	run_whole("forks", FIRST_ONLY, &outcome, text);
	assert_int_equal(1, outcome.num_ends);
	run_whole("others_run", FIRST_ONLY, &outcome, text);
	assert_is_end(&outcome.ends[0], 3, 4 << 8);
}

static void test_who_is_killed_while_it_is_held_keeps_its_memory_or_ends(void **state)
{
	struct outcome outcome;
	char text[4096];
	NEEDS_TRACING();
	run_whole("others_run", KILLED_WHILE_HELD, &outcome, text);
	assert_int_equal(1, outcome.num_ends);
	assert_true(outcome.wait_status == 4 << 8 || outcome.wait_status == SIGKILL);
	assert_true(outcome.duration_ns < PROMPT_NS);
}

static void test_an_orphan_that_ends_soon_is_held(void **state)
{
	struct outcome outcome;
	char text[4096];
	NEEDS_TRACING();
	run_whole("leaves_an_orphan", FOLLOWED, &outcome, text);
	assert_int_equal(2 << 8, outcome.wait_status);
	assert_int_equal(2, outcome.num_ends);
	assert_is_end(&outcome.ends[1], 1, 0);
}

static void test_a_daemon_goes_on_alone(void **state)
{
	struct run run;
	struct outcome outcome;
	char text[4096];
	NEEDS_TRACING();
	run_begin(&run, "leaves_a_daemon", FOLLOWED);
	assert_int_equal(run.runner, waitid(P_PID, (id_t)run.runner, &(siginfo_t){ 0 }, WEXITED | WNOWAIT) == 0 ? run.runner : 0);
	assert_true(run.outcome->duration_ns < PROMPT_NS);
	run_read(&run, text);
	assert_string_equal("alive\n", text);
	run_end(&run, &outcome);
	assert_int_equal(1, outcome.num_ends);
}

// As they are without a tracer: whose handlers run, with what, and what they interrupt.
static void test_signals_are_what_they_were(void **state)
{
	static const char *const names[] = { "gets_signals", "ignores_signals" };
	NEEDS_TRACING();
	for (size_t i = 0; i < 2; i++) {
		struct outcome alone, followed;
		char text[4096], text_alone[4096];
		run_whole(names[i], ALONE, &alone, text_alone);
		run_whole(names[i], FOLLOWED, &followed, text);
		assert_string_equal(text_alone, text);
		assert_int_equal(alone.wait_status, followed.wait_status);
	}
}

static pid_t read_pid(struct run *run)
{
	char text[16] = "";
	struct pollfd ready = { .fd = run->output, .events = POLLIN };
	assert_int_equal(1, poll(&ready, 1, 5000));
	assert_true(read(run->output, text, sizeof(text) - 1) > 0);
	return atoi(text);
}

static void assert_stops(pid_t runner)
{
	int status;
	assert_int_equal(runner, waitpid(runner, &status, WUNTRACED));
	assert_true(WIFSTOPPED(status));
	assert_int_equal(SIGSTOP, WSTOPSIG(status));
}

static void assert_ends(struct run *run, int wait_status)
{
	struct outcome outcome;
	run_end(run, &outcome);
	assert_int_equal(wait_status, outcome.wait_status);
	assert_int_equal(1, outcome.num_ends);
}

static void test_a_child_that_stops_stops_us_until_we_go_on(void **state)
{
	struct run run;
	NEEDS_TRACING();
	run_begin(&run, "stops", FOLLOWED);
	read_pid(&run);
	assert_stops(run.runner);
	usleep(50000);
	assert_int_equal(0, waitpid(run.runner, NULL, WNOHANG));
	kill(run.runner, SIGCONT);
	assert_ends(&run, 12 << 8);
}

static void test_a_child_that_is_told_to_go_on_takes_us_along(void **state)
{
	struct run run;
	NEEDS_TRACING();
	run_begin(&run, "stops", FOLLOWED);
	pid_t pid = read_pid(&run);
	assert_stops(run.runner);
	kill(pid, SIGCONT);
	assert_ends(&run, 12 << 8);
}

static void test_a_stopped_child_can_be_killed(void **state)
{
	struct run run;
	NEEDS_TRACING();
	run_begin(&run, "stops", FOLLOWED);
	pid_t pid = read_pid(&run);
	assert_stops(run.runner);
	kill(pid, SIGKILL);
	assert_ends(&run, SIGKILL);
}

static void test_when_the_tracer_is_killed_the_program_goes_on(void **state)
{
	struct run run;
	char text[4096];
	NEEDS_TRACING();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	run_begin(&run, "speaks_later", FOLLOWED);
	pid_t pid = read_pid(&run);
	int status;
	kill(run.runner, SIGKILL);
	assert_int_equal(run.runner, waitpid(run.runner, NULL, 0));
	run_read(&run, text);
	assert_string_equal("alive\n", text);
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_int_equal(13 << 8, status);
	munmap(run.outcome, sizeof(*run.outcome));
	close(run.output);
}

static void test_a_signal_to_us_reaches_the_child(void **state)
{
	struct run run;
	NEEDS_TRACING();
	run_begin(&run, "speaks_later", FOLLOWED);
	read_pid(&run);
	kill(run.runner, SIGTERM);
	assert_ends(&run, SIGTERM);
}

static void test_a_program_that_cannot_be_executed_has_no_end(void **state)
{
	struct run run;
	int status;
	NEEDS_TRACING();
	const char *before = program;
	program = "/nonexistent";
	run_begin(&run, "seven", FOLLOWED);
	program = before;
	assert_int_equal(run.runner, waitpid(run.runner, &status, 0));
	assert_int_equal(0, run.outcome->num_ends);
	assert_string_equal("/nonexistent: cannot be executed: No such file or directory", run.outcome->error.message);
	munmap(run.outcome, sizeof(*run.outcome));
	close(run.output);
}

static void test_a_child_that_is_traced_already_is_refused(void **state)
{
	struct error error;
	NEEDS_TRACING();
	struct tracer *tracer = tracer_create(false, note_end, NULL);
	pid_t child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	assert_int_equal(0, ptrace(PTRACE_SEIZE, child, NULL, NULL));
	assert_false(tracer_begin(tracer, child, &error));
	assert_non_null(strstr(error.message, "is traced already, by process"));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	tracer_destroy(tracer);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_end_is_held_with_its_memory),
		cmocka_unit_test(test_a_core_file_is_written_as_ever),
		cmocka_unit_test(test_descendants_can_be_left_alone),
		cmocka_unit_test(test_who_is_killed_while_it_is_held_keeps_its_memory_or_ends),
		cmocka_unit_test(test_an_orphan_that_ends_soon_is_held),
		cmocka_unit_test(test_a_daemon_goes_on_alone),
		cmocka_unit_test(test_signals_are_what_they_were),
		cmocka_unit_test(test_a_child_that_stops_stops_us_until_we_go_on),
		cmocka_unit_test(test_a_child_that_is_told_to_go_on_takes_us_along),
		cmocka_unit_test(test_a_stopped_child_can_be_killed),
		cmocka_unit_test(test_when_the_tracer_is_killed_the_program_goes_on),
		cmocka_unit_test(test_a_signal_to_us_reaches_the_child),
		cmocka_unit_test(test_a_program_that_cannot_be_executed_has_no_end),
		cmocka_unit_test(test_a_child_that_is_traced_already_is_refused),
	};
	if (argc != 2)
		return EXIT_FAILURE;
	program = realpath(argv[1], NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
