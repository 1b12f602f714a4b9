// SPDX-License-Identifier: Apache-2.0
/*
 * Says "ready", and then of each signal that it is sent its name, how it was sent, and the value that came with it;
 * SIGTERM ends it with status 9.  SIGTSTP stops it as without a handler unless there is an argument "all".
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *way_of(const siginfo_t *info)
{
	switch (info->si_code) {
	case SI_USER: return "kill";
	case SI_TKILL: return "tkill";
	case SI_QUEUE: return "sigqueue";
	case SI_KERNEL: return "kernel";
	default: return "other";
	}
}

int main(int argc, char **argv)
{
	sigset_t awaited;
	siginfo_t info;
	sigfillset(&awaited);
	if (argc < 2 || strcmp(argv[1], "all"))
		sigdelset(&awaited, SIGTSTP);
	sigprocmask(SIG_SETMASK, &awaited, NULL);
	dprintf(STDOUT_FILENO, "ready %d\n", getpid());
	do {
		if (sigwaitinfo(&awaited, &info) < 0)
			continue;
		if (info.si_signo >= SIGRTMIN)
			dprintf(STDOUT_FILENO, "RTMIN+%d", info.si_signo - SIGRTMIN);
		else
			dprintf(STDOUT_FILENO, "%s", sigabbrev_np(info.si_signo));
		dprintf(STDOUT_FILENO, " %s %d\n", way_of(&info), info.si_code == SI_QUEUE ? info.si_value.sival_int : 0);
	} while (info.si_signo != SIGTERM);
	return 9;
}
