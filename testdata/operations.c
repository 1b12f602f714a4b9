// SPDX-License-Identifier: Apache-2.0
/*
 * Threads that tell the world what they do, so that it is known what was done when they are killed.
 *
 * usage: operations FILE THREADS [STACKS]
 *
 * FILE is mapped; each of the THREADS (at most 8) has 64 bytes of it: mallocs begun, mallocs finished, frees begun,
 * frees finished.  Thread k calls malloc(100 + k) in a function of its own, through one of so many STACKS (1), and
 * frees the block or keeps it a while.  Says "ready" when all have begun.
 */
#include "truth.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { MAX_THREADS = 8, NUM_KEPT = 1000 };

struct account {
	_Atomic uint64_t mallocs_begun, mallocs_finished, frees_begun, frees_finished;
	uint64_t reserved[4];
};

static struct account *accounts;
static unsigned num_stacks = 1;

typedef void *allocate_function(size_t size);

#define OPERATIONS_SITE(name) SITE static void *name(size_t size) { return truth_keep(malloc(size)); }
OPERATIONS_SITE(operations_0) OPERATIONS_SITE(operations_1) OPERATIONS_SITE(operations_2) OPERATIONS_SITE(operations_3)
OPERATIONS_SITE(operations_4) OPERATIONS_SITE(operations_5) OPERATIONS_SITE(operations_6) OPERATIONS_SITE(operations_7)
#undef OPERATIONS_SITE

static allocate_function *const sites[MAX_THREADS] = {
	operations_0, operations_1, operations_2, operations_3, operations_4, operations_5, operations_6, operations_7,
};

static void *descend(unsigned path, allocate_function *allocate, size_t size);

SITE static void *left(unsigned path, allocate_function *allocate, size_t size)
{
	return truth_keep(descend(path >> 1, allocate, size));
}

SITE static void *right(unsigned path, allocate_function *allocate, size_t size)
{
	return truth_keep(descend(path >> 1, allocate, size));
}

// The binary digits of path, up to its first one, lead to as many stacks.
static void *descend(unsigned path, allocate_function *allocate, size_t size)
{
	if (path <= 1)
		return allocate(size);
	return path & 1 ? right(path, allocate, size) : left(path, allocate, size);
}

static void count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_seq_cst);
}

static void free_one(struct account *account, void **block)
{
	if (!*block)
		return;
	count(&account->frees_begun);
	free(*block);
	count(&account->frees_finished);
	*block = NULL;
}

static void *operate(void *argument)
{
	size_t number = (size_t)argument;
	struct account *account = &accounts[number];
	void *kept[NUM_KEPT] = { NULL };
	uint64_t random = 0x9e3779b97f4a7c15u * (number + 1);
	for (unsigned i = 0;; i++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		void **slot = &kept[(random >> 33) % NUM_KEPT];
		free_one(account, slot);
		count(&account->mallocs_begun);
		*slot = descend(num_stacks + i % num_stacks, sites[number], 100 + number);
		count(&account->mallocs_finished);
		if (random >> 63)
			free_one(account, slot);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	size_t num_threads = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	int fd = argc > 2 ? open(argv[1], O_RDWR) : -1;
	if (fd < 0 || num_threads > MAX_THREADS)
		return 2;
	if (argc > 3)
		num_stacks = (unsigned)strtoul(argv[3], NULL, 10);
	accounts = mmap(NULL, sizeof(*accounts) * MAX_THREADS, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (accounts == MAP_FAILED)
		return 2;
	for (size_t i = 0; i < num_threads; i++) {
		pthread_t thread;
		if (pthread_create(&thread, NULL, operate, (void *)i))
			return 2;
	}
	for (size_t i = 0; i < num_threads; i++)
		while (!accounts[i].mallocs_finished)
			usleep(100);
	dprintf(STDOUT_FILENO, "ready\n");
	pause();
	return 0;
}
