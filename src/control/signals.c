// SPDX-License-Identifier: Apache-2.0
// Signals.  INSIDE.
#include "control/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "base/system.h"
#include "control/control.h"
#include "control/dump.h"
#include "control/helper.h"
#include "shim/real.h"

#define EXPORT __attribute__((visibility("default")))
#define NUM_SIGNALS 65

// Signals whose default action ends the program, and that can be caught.
static const int fatal_signals[] = {
	SIGHUP,  SIGINT,	SIGQUIT, SIGILL,  SIGTRAP, SIGABRT,   SIGBUS, SIGFPE, SIGUSR1, SIGSEGV, SIGUSR2,
	SIGPIPE, SIGALRM, SIGTERM, SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF, SIGIO,  SIGPWR,  SIGSYS,  SIGSTKFLT,
};

enum role {
	ROLE_NONE,
	ROLE_DUMP,  // CAIRN_SIGNAL
	ROLE_FATAL, // CAIRN_FATAL: ours only while the program's action is the default
};

static struct {
	_Atomic uint32_t lock;
	bool is_set_up;
	enum role roles[NUM_SIGNALS];
	// What the program believes to be installed.  Handlers copy it under the version: odd while it is written.
	struct sigaction actions[NUM_SIGNALS];
	_Atomic uint32_t versions[NUM_SIGNALS];
} signals;

// With all signals blocked, so that a handler cannot want the lock of the thread it interrupted.
static uint64_t lock(void)
{
	uint64_t mask = system_block_signals(~UINT64_C(0));
	uint32_t nobody = 0;
	while (!atomic_compare_exchange_weak_explicit(&signals.lock, &nobody, 1, memory_order_acquire, memory_order_relaxed)) {
		nobody = 0;
		system_yield();
	}
	return mask;
}

static void unlock(uint64_t mask)
{
	atomic_store_explicit(&signals.lock, 0, memory_order_release);
	system_block_signals(mask);
}

static void set_action(int number, const struct sigaction *action)
{
	atomic_fetch_add_explicit(&signals.versions[number], 1, memory_order_acq_rel);
	signals.actions[number] = *action;
	atomic_fetch_add_explicit(&signals.versions[number], 1, memory_order_release);
}

static struct sigaction get_action(int number)
{
	struct sigaction action;
	uint32_t before, after;
	do {
		before = atomic_load_explicit(&signals.versions[number], memory_order_acquire);
		action = signals.actions[number];
		atomic_thread_fence(memory_order_acquire);
		after = atomic_load_explicit(&signals.versions[number], memory_order_relaxed);
	} while (before != after || before & 1);
	return action;
}

static bool is_handler(const struct sigaction *action)
{
	return action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN;
}

static void on_dump_signal(int number, siginfo_t *info, void *context)
{
	int saved_errno = errno;
	helper_request_dump();
	struct sigaction action = get_action(number);
	if (is_handler(&action) && (action.sa_flags & (int)SA_RESETHAND)) {
		struct sigaction after = action; // the kernel keeps the rest as well
		after.sa_handler = SIG_DFL;
		set_action(number, &after);
	}
	errno = saved_errno;
	if (!is_handler(&action))
		return;
	if (action.sa_flags & SA_SIGINFO)
		action.sa_sigaction(number, info, context);
	else
		action.sa_handler(number);
}

// After a fault the instruction is run again when the handler returns, and faults again.
static bool comes_again(int number, const siginfo_t *info)
{
	bool is_fault = number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGFPE;
	return is_fault && info->si_code > 0;
}

static void on_fatal_signal(int number, siginfo_t *info, void *context)
{
	struct sigaction action;
	int saved_errno = errno;
	(void)context;
	dump_write("a fatal signal");
	memset(&action, 0, sizeof(action));
	real.sigaction(number, &action, NULL);
	// The signal is blocked here: it comes, and kills, when this handler returns.
	if (!comes_again(number, info))
		system_call3(SYS_tgkill, system_pid(), system_tid(), number);
	errno = saved_errno;
}

// What the kernel is told where the program wants action.
static struct sigaction kernel_action(enum role role, const struct sigaction *action)
{
	struct sigaction told = *action;
	if (role == ROLE_DUMP) {
		if (!is_handler(action)) {
			sigemptyset(&told.sa_mask);
			told.sa_flags = SA_RESTART | SA_ONSTACK;
		}
		told.sa_flags = (told.sa_flags | SA_SIGINFO) & ~(int)SA_RESETHAND;
		told.sa_sigaction = on_dump_signal;
	} else if (action->sa_handler == SIG_DFL) {
		sigfillset(&told.sa_mask);
		told.sa_flags = SA_SIGINFO | SA_ONSTACK;
		told.sa_sigaction = on_fatal_signal;
	}
	return told;
}

static void take_over(int number, enum role role)
{
	struct sigaction action;
	if (real.sigaction(number, NULL, &action) != 0 || (role == ROLE_FATAL && action.sa_handler != SIG_DFL))
		return;
	signals.roles[number] = role;
	set_action(number, &action);
	struct sigaction told = kernel_action(role, &action);
	real.sigaction(number, &told, NULL);
}

void signals_init(void)
{
	int saved_errno = errno;
	if (control.config.signal)
		take_over(control.config.signal, ROLE_DUMP);
	for (size_t i = 0; control.config.is_fatal && i < sizeof(fatal_signals) / sizeof(int); i++)
		if (fatal_signals[i] != control.config.signal)
			take_over(fatal_signals[i], ROLE_FATAL);
	errno = saved_errno;
}

static bool is_ours(int number)
{
	return number > 0 && number < NUM_SIGNALS && signals.roles[number] != ROLE_NONE;
}

static int change(int number, const struct sigaction *action, struct sigaction *old)
{
	int result = 0;
	uint64_t mask = lock();
	struct sigaction before = signals.actions[number], told;
	// A handler of the program's own that has run once may have been reset by the kernel.
	if (signals.roles[number] == ROLE_FATAL && is_handler(&before) && real.sigaction(number, NULL, &told) == 0)
		before = told;
	if (action) {
		told = kernel_action(signals.roles[number], action);
		result = real.sigaction(number, &told, NULL);
		if (result == 0)
			set_action(number, action);
	}
	unlock(mask);
	if (result == 0 && old)
		*old = before;
	return result;
}

EXPORT int sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
	real_resolve();
	return is_ours(number) ? change(number, action, old) : real.sigaction(number, action, old);
}

// As in glibc: the handler stays, the signal is blocked meanwhile, system calls are restarted.
EXPORT real_handler signal(int number, real_handler handler)
{
	struct sigaction action, old;
	real_resolve();
	if (!is_ours(number))
		return real.signal(number, handler);
	memset(&action, 0, sizeof(action));
	action.sa_handler = handler;
	action.sa_flags = SA_RESTART;
	sigemptyset(&action.sa_mask);
	sigaddset(&action.sa_mask, number);
	if (handler == SIG_ERR) {
		errno = EINVAL;
		return SIG_ERR;
	}
	return change(number, &action, &old) == 0 ? old.sa_handler : SIG_ERR;
}
