// SPDX-License-Identifier: Apache-2.0
// Refusal: why the kernel does not let us trace a process.  OUTSIDE.
#include "target/refusal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "target/process.h"

static void read_name(pid_t pid, char name[64])
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	FILE *file = fopen(path, "re");
	if (!file || !fgets(name, 64, file))
		strcpy(name, "?");
	name[strcspn(name, "\n")] = 0;
	if (file)
		fclose(file);
}

bool refusal_is_absent(pid_t pid, struct error *error)
{
	pid_t whole = process_of_thread(pid), tracer = process_tracer(pid);
	if (pid <= 0 || whole == 0)
		return error_set(error, "process %d: there is none", (int)pid);
	if (whole == getpid())
		return error_set(error, "process %d: is cairn itself, which cannot stop itself", (int)pid);
	if (whole != pid)
		return error_set(error, "process %d: is a thread of process %d; accepted are processes", (int)pid, (int)whole);
	if (process_is_of_kernel(pid))
		return error_set(error, "process %d: is a part of the kernel, not a program", (int)pid);
	if (tracer) {
		char name[64];
		read_name(tracer, name);
		return error_set(error, "process %d: is traced already, by process %d (%s); it has to be let go there first",
				 (int)pid, (int)tracer, name);
	}
	return true;
}

// The setting of the Yama security module; -1: it is not there.
static int read_yama_scope(void)
{
	int scope = -1;
	FILE *file = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
	if (!file)
		return -1;
	if (fscanf(file, "%d", &scope) != 1)
		scope = -1;
	fclose(file);
	return scope;
}

static bool explain_missing_right(pid_t pid, struct error *error)
{
	uid_t user;
	if (geteuid() != 0 && process_find_user(pid, &user) && user != geteuid())
		return error_set(error, "process %d: belongs to user %u; run cairn as that user, or with sudo", (int)pid, user);
	int scope = read_yama_scope();
	if (scope == 1)
		return error_set(error, "process %d: kernel.yama.ptrace_scope is 1, so only who started it may stop it; run "
				 "cairn with sudo, or allow it: sudo sysctl kernel.yama.ptrace_scope=0", (int)pid);
	if (scope == 2)
		return error_set(error, "process %d: kernel.yama.ptrace_scope is 2, so only root may stop it; run cairn with "
				 "sudo", (int)pid);
	if (scope > 2)
		return error_set(error, "process %d: kernel.yama.ptrace_scope is %d, so nobody may stop it until the next boot",
				 (int)pid, scope);
	return error_set(error, "process %d: may not be traced: it has more rights than cairn, or this container forbids it; "
			 "needed is the capability SYS_PTRACE (docker run --cap-add=SYS_PTRACE)", (int)pid);
}

bool refusal_explain(pid_t pid, int reason, struct error *error)
{
	if (!refusal_is_absent(pid, error))
		return false;
	if (!process_is_alive(pid))
		return error_set(error, "process %d: has ended; its parent has not asked for its status yet", (int)pid);
	if (reason == EPERM || reason == EACCES)
		return explain_missing_right(pid, error);
	return error_set(error, "process %d: cannot be traced: %s", (int)pid, strerror(reason));
}
