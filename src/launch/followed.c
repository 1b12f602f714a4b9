// SPDX-License-Identifier: Apache-2.0
// Followed: the threads and processes that a tracer follows.  OUTSIDE.
#include "launch/followed.h"

#include <stdlib.h>
#include <utlist.h>

#include "base/memory.h"
#include "target/process.h"

struct followed_thread *followed_find(const struct followed *followed, pid_t tid)
{
	struct followed_thread *found;
	HASH_FIND(hh, followed->threads, &tid, sizeof(tid), found);
	return found;
}

static struct followed_process *find_process(const struct followed *followed, pid_t pid)
{
	struct followed_process *found;
	HASH_FIND(hh, followed->processes, &pid, sizeof(pid), found);
	return found;
}

static struct followed_process *add_process(struct followed *followed, pid_t pid)
{
	struct followed_process *process = find_process(followed, pid);
	if (process)
		return process;
	process = memory_get(1, sizeof(*process));
	process->pid = pid;
	process->maker = process_parent(pid);
	process->has_executed = true;
	HASH_ADD(hh, followed->processes, pid, sizeof(process->pid), process);
	return process;
}

struct followed_thread *followed_add(struct followed *followed, pid_t pid, pid_t tid)
{
	struct followed_thread *thread = followed_find(followed, tid);
	if (thread)
		return thread;
	thread = memory_get(1, sizeof(*thread));
	thread->tid = tid;
	thread->process = add_process(followed, pid);
	DL_APPEND(thread->process->threads, thread);
	HASH_ADD(hh, followed->threads, tid, sizeof(thread->tid), thread);
	return thread;
}

void followed_remove(struct followed *followed, struct followed_thread *thread)
{
	struct followed_process *process = thread->process;
	DL_DELETE(process->threads, thread);
	HASH_DEL(followed->threads, thread);
	free(thread);
	if (process->threads)
		return;
	HASH_DEL(followed->processes, process);
	free(process);
}

void followed_deinit(struct followed *followed)
{
	while (followed->threads)
		followed_remove(followed, followed->threads);
}

struct followed_thread *followed_find_living(const struct followed *followed, pid_t pid)
{
	struct followed_process *process = find_process(followed, pid);
	struct followed_thread *thread = process ? process->threads : NULL;
	while (thread && thread->has_left)
		thread = thread->next;
	return thread;
}

size_t followed_count_running(const struct followed_process *process)
{
	size_t num_running = 0;
	for (const struct followed_thread *thread = process->threads; thread; thread = thread->next)
		num_running += !thread->is_held && !thread->has_left;
	return num_running;
}

pid_t *followed_list(const struct followed *followed, size_t *num_threads)
{
	pid_t *tids = memory_get(HASH_COUNT(followed->threads), sizeof(*tids));
	*num_threads = 0;
	for (const struct followed_thread *thread = followed->threads; thread; thread = thread->hh.next)
		tids[(*num_threads)++] = thread->tid;
	return tids;
}
