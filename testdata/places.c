// SPDX-License-Identifier: Apache-2.0
/*
 * Has 50 blocks, to which pointers lie in one place only, and waits for a line.  Its argument is that place:
 *
 *   readonly, forbidden  memory that was made so afterwards
 *   shared, unlinked     shared memory that is only read by now; a file that has no name any more
 *   sparse               shared memory of 1 GiB, nearly all of it untouched
 *   foreign              between two parts of malloc's heap
 *   neighbour            the stack of a thread that adjoins a stack that the main thread is on
 *   handled              the stack below one, lying in it, that a signal handler is on
 *   returned             what was the stack of a thread, given back to the program
 *   joined, detached     the stack of a thread that has ended: they are lost
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define NEVER_INLINE __attribute__((noinline))
#define NUM_BLOCKS 50
#define BLOCK_BYTES 100
#define SPACE_BYTES ((size_t)1 << 20)
#define SPARSE_BYTES ((size_t)1 << 30)
#define STACK_BYTES ((size_t)16 << 20) // no gap between libraries is as large, so that it adjoins the stacks of threads

static int is_ready[2];

NEVER_INLINE static void forget(void)
{
	volatile char stack[32768];
	for (size_t i = 0; i < sizeof(stack); i++)
		stack[i] = 0;
}

NEVER_INLINE static void fill(void *volatile *place)
{
	for (size_t i = 0; i < NUM_BLOCKS; i++)
		place[i] = calloc(1, BLOCK_BYTES);
	forget();
}

static void *map(size_t size_bytes, int flags, int fd)
{
	void *place = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (place == MAP_FAILED)
		exit(3);
	return place;
}

static void wait_for_line(void)
{
	char line[2];
	forget();
	if (write(STDOUT_FILENO, "ready\n", 6) != 6 || read(STDIN_FILENO, line, 1) < 0)
		_exit(9);
	_exit(0);
}

static void put_into_map(const char *name)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS, fd = -1;
	if (!strcmp(name, "unlinked")) {
		FILE *file = tmpfile();
		if (!file || ftruncate(fileno(file), SPACE_BYTES) != 0)
			exit(3);
		fd = fileno(file);
		flags = MAP_SHARED;
	} else if (!strcmp(name, "shared") || !strcmp(name, "sparse")) {
		flags = MAP_SHARED | MAP_ANONYMOUS;
	}
	size_t size_bytes = strcmp(name, "sparse") ? SPACE_BYTES : SPARSE_BYTES;
	void **place = map(size_bytes, flags, fd);
	fill(place);
	if (!strcmp(name, "readonly") || !strcmp(name, "shared"))
		mprotect(place, size_bytes, PROT_READ);
	if (!strcmp(name, "forbidden"))
		mprotect(place, size_bytes, PROT_NONE);
}

static void put_into_heap(void)
{
	free(malloc(1));
	void **place = sbrk(8192);
	memset(place, 0, 8192);
	void *volatile big = malloc(100000); // not where the heap was any more, but behind that
	fill(place + 512);
	free(big);
}

static void *hold_and_wait(void *unused)
{
	void *volatile place[NUM_BLOCKS];
	fill(place);
	if (write(is_ready[1], "", 1) != 1)
		_exit(9);
	pause();
	fill(place);
	return unused;
}

static void put_into_neighbour(void)
{
	static ucontext_t context, before;
	pthread_t thread;
	char byte;
	void *stack = map(STACK_BYTES, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1);
	pthread_create(&thread, NULL, hold_and_wait, NULL);
	if (read(is_ready[0], &byte, 1) != 1)
		exit(9);
	getcontext(&context);
	context.uc_stack.ss_sp = stack;
	context.uc_stack.ss_size = STACK_BYTES;
	context.uc_link = &before;
	makecontext(&context, wait_for_line, 0);
	swapcontext(&before, &context);
}

static void handle(int number)
{
	(void)number;
	wait_for_line();
}

NEVER_INLINE static void hold_and_raise(void)
{
	void *volatile place[NUM_BLOCKS];
	fill(place);
	raise(SIGUSR1);
	fill(place);
}

static void put_below_handler(void)
{
	char space[65536];
	const stack_t stack = { .ss_sp = space, .ss_size = sizeof(space) };
	const struct sigaction action = { .sa_handler = handle, .sa_flags = SA_ONSTACK };
	sigaltstack(&stack, NULL);
	sigaction(SIGUSR1, &action, NULL);
	hold_and_raise();
}

static void *do_nothing(void *unused)
{
	return unused;
}

static void put_where_a_stack_was(void)
{
	pthread_t thread;
	pthread_attr_t attributes;
	char *all = map(SPACE_BYTES + 8192, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	mprotect(all, 4096, PROT_NONE);
	mprotect(all + SPACE_BYTES + 4096, 4096, PROT_NONE);
	pthread_attr_init(&attributes);
	pthread_attr_setstack(&attributes, all + 4096, SPACE_BYTES);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_create(&thread, &attributes, do_nothing, NULL);
	usleep(200000);
	fill((void **)(all + SPACE_BYTES / 2));
}

static void *hold_and_end(void *unused)
{
	void *volatile place[NUM_BLOCKS];
	fill(place);
	return unused;
}

static void put_into_ended(int is_joined)
{
	pthread_t thread;
	pthread_create(&thread, NULL, hold_and_end, NULL);
	if (is_joined)
		pthread_join(thread, NULL);
	else
		pthread_detach(thread);
	usleep(200000);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	if (pipe(is_ready) != 0)
		return 9;
	if (!strcmp(name, "foreign"))
		put_into_heap();
	else if (!strcmp(name, "neighbour"))
		put_into_neighbour();
	else if (!strcmp(name, "handled"))
		put_below_handler();
	else if (!strcmp(name, "returned"))
		put_where_a_stack_was();
	else if (!strcmp(name, "joined") || !strcmp(name, "detached"))
		put_into_ended(name[0] == 'j');
	else
		put_into_map(name);
	wait_for_line();
}
