// SPDX-License-Identifier: Apache-2.0
// Isolation: work in a child process with limits.  OUTSIDE.
#include "symbolize/isolation.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"

#define MAX_WAITING 4 // for files, and for other processes, as a multiple of the time that a processor works
#define FIRST_BYTES (UINT32_C(1) << 16)

// How much address space this process has; 0: it cannot be told.
static uint64_t get_memory(void)
{
	uint64_t num_pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");
	if (file && fscanf(file, "%" SCNu64, &num_pages) != 1)
		num_pages = 0;
	if (file)
		fclose(file);
	return num_pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void limit(int resource, uint64_t soft, uint64_t hard)
{
	struct rlimit now;
	if (getrlimit(resource, &now) != 0)
		return;
	struct rlimit wanted = { soft < now.rlim_cur ? soft : now.rlim_cur, hard < now.rlim_max ? hard : now.rlim_max };
	setrlimit(resource, &wanted);
}

// What this process does at a fault, or waits for, does not concern the child.
static void be_ended_by_signals(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGXCPU, SIGALRM };
	struct sigaction by_default = { .sa_handler = SIG_DFL };
	sigset_t none;
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &by_default, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void restrict_child(const struct isolation_limits *limits, pid_t parent)
{
	uint64_t memory_bytes = get_memory() + limits->memory_bytes;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	alarm((unsigned)(MAX_WAITING * limits->processor_s));
	limit(RLIMIT_CORE, 0, 0);
	limit(RLIMIT_CPU, limits->processor_s, limits->processor_s + 1);
	limit(RLIMIT_AS, memory_bytes, memory_bytes);
}

// What libraries have to say before they abort is of no use to anybody.
static void silence(void)
{
	int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (nowhere < 0)
		return;
	dup2(nowhere, STDOUT_FILENO);
	dup2(nowhere, STDERR_FILENO);
}

__attribute__((noreturn)) static void be_child(void (*work)(void *context, FILE *answer), void *context,
						const struct isolation_limits *limits, int fd, pid_t parent)
{
	FILE *answer = fdopen(fd, "w");
	silence();
	be_ended_by_signals();
	restrict_child(limits, parent);
	if (!answer)
		_exit(EXIT_FAILURE);
	work(context, answer);
	_exit(fflush(answer) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

// Read to the end; false: it is too long, or cannot be read.
static bool read_answer(int fd, size_t max_bytes, struct isolation_answer *answer)
{
	size_t room = 0;
	ssize_t num_read = 1;
	while (num_read > 0 && answer->num_bytes < max_bytes) {
		if (answer->num_bytes == room)
			answer->bytes = memory_resize(answer->bytes, room = room ? 2 * room : FIRST_BYTES, 1);
		do {
			num_read = read(fd, answer->bytes + answer->num_bytes, room - answer->num_bytes);
		} while (num_read < 0 && errno == EINTR);
		answer->num_bytes += num_read > 0 ? (size_t)num_read : 0;
	}
	return num_read == 0;
}

static bool explain(int status, const struct isolation_limits *limits, struct error *error)
{
	int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	if (signal == SIGXCPU)
		return error_set(error, "the lookup took more than %" PRIu64 " s", limits->processor_s);
	if (signal == SIGALRM)
		return error_set(error, "the lookup waited for more than %" PRIu64 " s", MAX_WAITING * limits->processor_s);
	if (signal)
		return error_set(error, "the lookup was ended by SIG%s", sigabbrev_np(signal) ? sigabbrev_np(signal) : "?");
	return error_set(error, "the lookup ran out of memory");
}

static bool wait_for(pid_t child, int *status)
{
	pid_t ended;
	do {
		ended = waitpid(child, status, 0);
	} while (ended < 0 && errno == EINTR);
	return ended == child;
}

// Take what the child writes, and its end.
static bool take(pid_t child, int fd, const struct isolation_limits *limits, struct isolation_answer *answer, struct error *error)
{
	int status = 0;
	bool is_whole = read_answer(fd, limits->answer_bytes, answer);
	if (!is_whole)
		kill(child, SIGKILL);
	bool is_known = wait_for(child, &status);
	if (!is_whole)
		return error_set(error, "the lookup found more than %zu MiB", limits->answer_bytes >> 20);
	return (is_known && status == 0) || explain(status, limits, error);
}

bool isolation_run(void (*work)(void *context, FILE *answer), void *context, const struct isolation_limits *limits,
		   struct isolation_answer *answer, struct error *error)
{
	struct sigaction by_default = { .sa_handler = SIG_DFL }, before;
	int ends[2];
	*answer = (struct isolation_answer){ 0 };
	if (pipe2(ends, O_CLOEXEC) != 0)
		return error_set(error, "the lookup cannot be started: %s", strerror(errno));
	fflush(NULL); // or what is written twice is what a child has inherited when a library calls exit()
	sigaction(SIGCHLD, &by_default, &before); // ignored, it would leave nothing to wait for
	pid_t parent = getpid(), child = fork();
	if (child == 0)
		be_child(work, context, limits, ends[1], parent);
	int problem = errno;
	close(ends[1]);
	bool is_done = child > 0 ? take(child, ends[0], limits, answer, error)
				 : error_set(error, "the lookup cannot be started: %s", strerror(problem));
	close(ends[0]);
	sigaction(SIGCHLD, &before, NULL);
	if (is_done)
		return true;
	free(answer->bytes);
	*answer = (struct isolation_answer){ 0 };
	return false;
}
