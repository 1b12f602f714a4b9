// SPDX-License-Identifier: Apache-2.0
/*
 * Has handlers of its own for SIGUSR2, which cairn may be told to use as well, and prints what it sees
 * of them.  The first argument says how it installs them: "none", "sigaction", "siginfo", "signal",
 * "reset" (one shot), "ignore"; the second how many signals it raises.  Waits for standard input to end before it exits.
 */
#include "truth.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static struct truth truth = {.function = "signals_allocate"};
static volatile sig_atomic_t num_plain;
static volatile sig_atomic_t num_info;
static volatile sig_atomic_t num_good_info;
static volatile sig_atomic_t num_blocked;

SITE static void signals_allocate(void)
{
	truth_keep(malloc(1000));
	truth_add(&truth, 1000);
}

static void on_signal(int signal)
{
	sigset_t blocked;
	sigprocmask(SIG_SETMASK, NULL, &blocked);
	num_plain += signal == SIGUSR2;
	num_blocked += sigismember(&blocked, SIGWINCH);
}

static void on_signal_info(int signal, siginfo_t *info, void *context)
{
	num_info += signal == SIGUSR2;
	num_good_info += context && info->si_signo == SIGUSR2 && info->si_pid == getpid();
}

static const char *name_of(const struct sigaction *action)
{
	if (action->sa_flags & SA_SIGINFO)
		return action->sa_sigaction == on_signal_info ? "on_signal_info" : "FOREIGN";
	if (action->sa_handler == SIG_DFL)
		return "default";
	if (action->sa_handler == SIG_IGN)
		return "ignore";
	return action->sa_handler == on_signal ? "on_signal" : "FOREIGN";
}

static void print_action(const char *when, const struct sigaction *action)
{
	dprintf(STDOUT_FILENO, "%s: %s, flags%s%s%s%s%s, mask%s%s\n", when, name_of(action),
	        action->sa_flags & SA_SIGINFO ? " siginfo" : "", action->sa_flags & SA_RESTART ? " restart" : "",
	        action->sa_flags & SA_NODEFER ? " nodefer" : "", action->sa_flags & SA_ONSTACK ? " onstack" : "",
	        action->sa_flags & SA_RESETHAND ? " resethand" : "", sigismember(&action->sa_mask, SIGWINCH) ? " winch" : "",
	        sigismember(&action->sa_mask, SIGTERM) ? " term" : "");
}

static void print_current(const char *when)
{
	struct sigaction current;
	sigaction(SIGUSR2, NULL, &current);
	print_action(when, &current);
}

static void install(const struct sigaction *action)
{
	struct sigaction old;
	sigaction(SIGUSR2, action, &old);
	print_action("replaced", &old);
}

static void install_by_sigaction(int flags)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};
	sigaddset(&action.sa_mask, SIGWINCH);
	install(&action);
}

static void install_by_siginfo(void)
{
	struct sigaction action = {.sa_sigaction = on_signal_info, .sa_flags = SA_SIGINFO | SA_NODEFER};
	install(&action);
}

static void install_by_signal(void (*handler)(int))
{
	dprintf(STDOUT_FILENO, "signal replaced %s\n", signal(SIGUSR2, handler) == SIG_DFL ? "default" : "another");
	dprintf(STDOUT_FILENO, "signal replaced %s\n", signal(SIGUSR2, handler) == handler ? "the same" : "another");
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "none";
	int num_signals = argc > 2 ? atoi(argv[2]) : 0;
	print_current("at start");
	if (!strcmp(mode, "sigaction"))
		install_by_sigaction(SA_RESTART);
	else if (!strcmp(mode, "reset"))
		install_by_sigaction(SA_RESETHAND);
	else if (!strcmp(mode, "siginfo"))
		install_by_siginfo();
	else if (!strcmp(mode, "signal"))
		install_by_signal(on_signal);
	else if (!strcmp(mode, "ignore"))
		install_by_signal(SIG_IGN);
	print_current("installed");
	errno = 0;
	dprintf(STDOUT_FILENO, "not a signal: %d", sigaction(12345, NULL, &(struct sigaction){0}));
	dprintf(STDOUT_FILENO, " %s\n", strerrorname_np(errno));

	for (int i = 0; i < num_signals; i++) {
		signals_allocate();
		errno = EDOM;
		raise(SIGUSR2);
		if (errno != EDOM)
			dprintf(STDOUT_FILENO, "errno changed to %s\n", strerrorname_np(errno));
	}
	dprintf(STDOUT_FILENO, "handled %d plain, %d with the mask; %d info, %d good\n", (int)num_plain, (int)num_blocked,
	        (int)num_info, (int)num_good_info);
	print_current("afterwards");
	truth_print(&truth);
	char byte;
	while (read(STDIN_FILENO, &byte, 1) > 0 || errno == EINTR)
		errno = 0;
	return 0;
}
