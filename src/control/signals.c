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

// Not declared under every standard.
real_handler bsd_signal(int number, real_handler handler);
real_handler ssignal(int number, real_handler handler);
real_handler sysv_signal(int number, real_handler handler);
real_handler __sysv_signal(int number, real_handler handler);

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
	int pid; // whose beliefs these are; a child of vfork() shares the memory, not the actions
	enum role roles[NUM_SIGNALS];
	struct sigaction actions[NUM_SIGNALS]; // what the program believes to be installed; under the lock
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
	// Pairs with the acquire in lock().
	atomic_store_explicit(&signals.lock, 0, memory_order_release);
	system_block_signals(mask);
}

static bool is_handler(const struct sigaction *action)
{
	return action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN;
}

static void tell_kernel(int number, const struct sigaction *action);

// Run the program's own handler, and do for it what the kernel does not know of: SA_RESETHAND resets the
// handler, and nothing else, before it runs.
static void pass_on(int number, siginfo_t *info, void *context)
{
	int saved_errno = errno;
	uint64_t mask = lock();
	struct sigaction action = signals.actions[number];
	if (is_handler(&action) && (action.sa_flags & (int)SA_RESETHAND)) {
		signals.actions[number].sa_handler = SIG_DFL;
		tell_kernel(number, &signals.actions[number]);
	}
	unlock(mask);
	errno = saved_errno;
	if (!is_handler(&action))
		return;
	if (action.sa_flags & SA_SIGINFO)
		action.sa_sigaction(number, info, context);
	else
		action.sa_handler(number);
}

static void on_dump_signal(int number, siginfo_t *info, void *context)
{
	int saved_errno = errno;
	helper_request_dump();
	errno = saved_errno;
	pass_on(number, info, context);
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
	if (role == ROLE_FATAL && action->sa_handler == SIG_DFL) {
		sigfillset(&told.sa_mask);
		told.sa_flags = SA_SIGINFO | SA_ONSTACK;
		told.sa_sigaction = on_fatal_signal;
		return told;
	}
	if (role == ROLE_DUMP && !is_handler(action)) {
		sigemptyset(&told.sa_mask);
		told.sa_flags = SA_RESTART | SA_ONSTACK;
	}
	bool is_reset = is_handler(action) && (action->sa_flags & (int)SA_RESETHAND);
	if (role == ROLE_DUMP || is_reset) {
		told.sa_flags = (told.sa_flags | SA_SIGINFO) & ~(int)SA_RESETHAND;
		told.sa_sigaction = role == ROLE_DUMP ? on_dump_signal : pass_on;
	}
	return told;
}

static void tell_kernel(int number, const struct sigaction *action)
{
	struct sigaction told = kernel_action(signals.roles[number], action);
	real.sigaction(number, &told, NULL);
}

static void take_over(int number, enum role role)
{
	struct sigaction action;
	if (real.sigaction(number, NULL, &action) != 0)
		return;
	signals.roles[number] = role;
	signals.actions[number] = action;
	tell_kernel(number, &action);
}

void signals_init(void)
{
	int saved_errno = errno;
	signals.pid = system_pid();
	if (control.config.signal)
		take_over(control.config.signal, ROLE_DUMP);
	for (size_t i = 0; control.config.is_fatal && i < sizeof(fatal_signals) / sizeof(int); i++)
		if (fatal_signals[i] != control.config.signal)
			take_over(fatal_signals[i], ROLE_FATAL);
	errno = saved_errno;
}

void signals_after_fork(void)
{
	signals.pid = system_pid();
	atomic_store_explicit(&signals.lock, 0, memory_order_relaxed);
}

void signals_deinit(void)
{
	for (int number = 1; number < NUM_SIGNALS; number++) {
		if (signals.roles[number] == ROLE_NONE)
			continue;
		signals.roles[number] = ROLE_NONE;
		tell_kernel(number, &signals.actions[number]);
	}
}

static bool is_ours(int number)
{
	return number > 0 && number < NUM_SIGNALS && signals.roles[number] != ROLE_NONE;
}

static int change(int number, const struct sigaction *action, struct sigaction *old)
{
	int result = 0;
	uint64_t mask = lock();
	struct sigaction before = signals.actions[number];
	bool is_borrowed = signals.pid != system_pid();
	if (action) {
		struct sigaction told = is_borrowed ? *action : kernel_action(signals.roles[number], action);
		result = real.sigaction(number, &told, NULL);
		if (result == 0 && !is_borrowed)
			signals.actions[number] = *action;
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

// signal() in its two forms.  BSD's, which glibc's signal() is: the handler stays, the signal is blocked
// meanwhile, system calls are restarted.  System V's: the handler is reset, nothing is blocked or restarted.
static real_handler set_handler(int number, real_handler handler, bool is_bsd)
{
	struct sigaction action, old;
	memset(&action, 0, sizeof(action));
	action.sa_handler = handler;
	action.sa_flags = is_bsd ? SA_RESTART : (int)SA_RESETHAND | SA_NODEFER;
	sigemptyset(&action.sa_mask);
	if (is_bsd)
		sigaddset(&action.sa_mask, number);
	if (handler == SIG_ERR) {
		errno = EINVAL;
		return SIG_ERR;
	}
	return change(number, &action, &old) == 0 ? old.sa_handler : SIG_ERR;
}

#define DEFINE_SIGNAL(name, is_bsd)                                           \
	EXPORT real_handler name(int number, real_handler handler)            \
	{                                                                     \
		real_resolve();                                               \
		return is_ours(number) ? set_handler(number, handler, is_bsd) \
				       : real.name(number, handler);          \
	}
DEFINE_SIGNAL(signal, true)
DEFINE_SIGNAL(bsd_signal, true)
DEFINE_SIGNAL(ssignal, true)
DEFINE_SIGNAL(sysv_signal, false)
DEFINE_SIGNAL(__sysv_signal, false)
#undef DEFINE_SIGNAL
