// SPDX-License-Identifier: Apache-2.0
// Programs that end in every way there is, for test_tracer: endings NAME.
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "endings.h"

static void milliseconds(unsigned count)
{
	for (; count > 0; count--)
		usleep(1000);
}

static void *wait_for_ever(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static void *spin(void *unused)
{
	for (volatile unsigned count = 0;;)
		count++;
	return unused;
}

// first: a thread that leaves before; 0: none.
static void *end_process(void *first)
{
	if (first)
		pthread_join((pthread_t)first, NULL);
	syscall(SYS_exit_group, 3);
	return NULL;
}

static void *return_after(void *first)
{
	pthread_join((pthread_t)first, NULL);
	return NULL;
}

static void *return_at_once(void *unused)
{
	return unused;
}

static void *execute_seven(void *unused)
{
	execl("/proc/thread-self/exe", "endings", "seven", NULL);
	return unused;
}

static pthread_t begin(void *(*work)(void *), size_t argument)
{
	pthread_t thread;
	if (pthread_create(&thread, NULL, work, (void *)argument) != 0)
		abort();
	return thread;
}

static void begin_others(void)
{
	begin(wait_for_ever, 0);
	begin(spin, 0);
	milliseconds(5);
}

static int seven(void) { return 7; }
static int leave_raw(void) { return (int)syscall(SYS_exit, 5); }

static int others_run(void)
{
	begin_others();
	_exit(4);
}

static int thread_ends_all(void)
{
	begin_others();
	begin(end_process, 0);
	return wait_for_ever(NULL) != NULL;
}

static int first_leaves(void)
{
	begin(wait_for_ever, 0);
	begin(end_process, (size_t)pthread_self());
	pthread_exit(NULL);
}

static int last_leaves(void)
{
	begin(return_after, (size_t)begin(return_after, (size_t)pthread_self()));
	pthread_exit(NULL);
}

static int many_threads(void)
{
	for (int i = 0; i < 300; i++)
		pthread_join(begin(return_at_once, 0), NULL);
	return 8;
}

static int aborts(void)
{
	begin_others();
	abort();
}

static int segfaults(void)
{
	begin_others();
	return raise(SIGSEGV);
}

static int deepen(volatile char *above)
{
	volatile char below[4096];
	below[0] = above[0];
	return below[0] == 77 ? 1 : deepen(below) + below[1];
}

static int overflows(void)
{
	const struct rlimit small = { 1 << 18, 1 << 18 };
	volatile char above[1] = { 1 };
	setrlimit(RLIMIT_STACK, &small);
	return deepen(above);
}

static int dumps_core(void)
{
	const struct rlimit large = { RLIM_INFINITY, RLIM_INFINITY };
	setrlimit(RLIMIT_CORE, &large);
	return segfaults();
}

static int terminated(void)
{
	begin_others();
	kill(getpid(), SIGTERM);
	return wait_for_ever(NULL) != NULL;
}

static int killed(void)
{
	begin_others();
	kill(getpid(), SIGKILL);
	return wait_for_ever(NULL) != NULL;
}

static int thread_executes(void)
{
	begin_others();
	begin(execute_seven, 0);
	return wait_for_ever(NULL) != NULL;
}

static int first_leaves_and_thread_executes(void)
{
	begin_others();
	begin(execute_seven, 0);
	pthread_exit(NULL);
}

static int executes(void)
{
	begin_others();
	execute_seven(NULL);
	return 1;
}

static int wait_for_child(pid_t child)
{
	int status = 0;
	if (waitpid(child, &status, 0) != child)
		return 99;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int forks(void)
{
	pid_t child = fork();
	if (child == 0)
		_exit(6);
	return wait_for_child(child);
}

static int vforks(void)
{
	pid_t child = vfork();
	if (child == 0)
		_exit(9);
	return wait_for_child(child);
}

static int vforks_and_executes(void)
{
	pid_t child = vfork();
	if (child == 0) {
		execl("/proc/self/exe", "endings", "seven", NULL);
		_exit(1);
	}
	return wait_for_child(child);
}

static int end_with_eleven(void *unused)
{
	(void)unused;
	_exit(11);
}

static int shares_memory(void)
{
	static char stack[1 << 16] __attribute__((aligned(16)));
	return wait_for_child(clone(end_with_eleven, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL));
}

static int leaves_an_orphan(void)
{
	if (fork() == 0) {
		milliseconds(30);
		_exit(0);
	}
	return 2;
}

static int leaves_a_daemon(void)
{
	if (fork() == 0) {
		begin(spin, 0);
		milliseconds(1500);
		puts("alive");
		fflush(stdout);
		_exit(0);
	}
	return 2;
}

static int stops(void)
{
	begin(wait_for_ever, 0);
	printf("%d\n", (int)getpid());
	fflush(stdout);
	raise(SIGSTOP);
	return 12;
}

static int speaks_later(void)
{
	begin_others();
	printf("%d\n", (int)getpid());
	fflush(stdout);
	milliseconds(300);
	puts("alive");
	fflush(stdout);
	milliseconds(20);
	_exit(13);
}

static void note(const char *what, const siginfo_t *info)
{
	printf("%s: signal %d code %d status %d\n", what, info->si_signo, info->si_code, info->si_status);
}

static pid_t fork_obedient(void)
{
	pid_t child = fork();
	if (child == 0)
		wait_for_ever(NULL);
	return child;
}

static int watches_children(void)
{
	sigset_t one;
	siginfo_t info;
	sigemptyset(&one);
	sigaddset(&one, SIGCHLD);
	sigprocmask(SIG_BLOCK, &one, NULL);
	int signals = signalfd(-1, &one, 0);
	pid_t child = fork_obedient();
	static const int sent[] = { SIGSTOP, SIGCONT, SIGTSTP, SIGCONT, SIGTERM };
	for (size_t i = 0; i < sizeof(sent) / sizeof(*sent); i++) {
		struct signalfd_siginfo told;
		kill(child, sent[i]);
		if (waitid(P_PID, (id_t)child, &info, WSTOPPED | WCONTINUED | WEXITED) != 0 ||
		    read(signals, &told, sizeof(told)) != sizeof(told))
			return 1;
		note("waited", &info);
		printf("told: code %d status %d\n", told.ssi_code, told.ssi_status);
	}
	printf("%d\n", waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
	return 14;
}

static volatile sig_atomic_t num_handled;
static siginfo_t handled;

static void handle(int number, siginfo_t *info, void *context)
{
	(void)number, (void)context;
	handled = *info;
	num_handled++;
}

static int gets_signals(void)
{
	const struct sigaction action = { .sa_sigaction = handle, .sa_flags = SA_SIGINFO };
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGRTMIN, &action, NULL);
	sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = 4711 });
	printf("%d %d %d\n", handled.si_code, handled.si_value.sival_int, handled.si_pid == getpid());
	raise(SIGUSR1);
	printf("%d %d\n", handled.si_code, (int)num_handled);
	if (fork() == 0) {
		milliseconds(20);
		kill(getppid(), SIGUSR1);
		_exit(0);
	}
	int epoll = epoll_create1(0);
	struct epoll_event event;
	int result = epoll_wait(epoll, &event, 1, 5000);
	printf("%d %d %d\n", result, errno, handled.si_code);
	wait(NULL);
	return 15;
}

// Nobody handles SIGCHLD or SIGWINCH, and nothing is interrupted.
static int ignores_signals(void)
{
	int epoll = epoll_create1(0), result = 0;
	struct epoll_event event;
	if (fork() == 0) {
		for (int i = 0; i < 20; i++) {
			milliseconds(2);
			kill(getppid(), i % 2 ? SIGWINCH : SIGCONT);
		}
		_exit(0);
	}
	for (int i = 0; i < 10 && result == 0; i++)
		result = epoll_wait(epoll, &event, 1, 20);
	printf("%d\n", result);
	return 16;
}

static const struct {
	const char *name;
	int (*main)(void);
} endings[] = {
#define ENDING(name) { #name, name },
	ENDINGS(ENDING)
#undef ENDING
};

int main(int argc, char **argv)
{
	uint64_t *page = mmap((void *)ENDINGS_ADDRESS, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	*page = ENDINGS_MAGIC;
	for (size_t i = 0; argc > 1 && i < sizeof(endings) / sizeof(*endings); i++)
		if (strcmp(argv[1], endings[i].name) == 0)
			return endings[i].main();
	return 98;
}
