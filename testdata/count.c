// SPDX-License-Identifier: Apache-2.0
/*
 * A preloaded library that counts what cairn counts, with none of cairn's code: it stands between cairn
 * and libc, so both see the same calls.  At the end it writes "objects bytes frees" to the file that
 * COUNT_OUT names, followed by a dot and the process's number.  A realloc of a block counts as a free
 * and an allocation.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *block);

static atomic_ulong num_objects;
static atomic_ulong num_bytes;
static atomic_ulong num_frees;

static void *counted(void *block, size_t size)
{
	if (block) {
		atomic_fetch_add_explicit(&num_objects, 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&num_bytes, size, memory_order_relaxed);
	}
	return block;
}

static void count_free(const void *block)
{
	if (block)
		atomic_fetch_add_explicit(&num_frees, 1, memory_order_relaxed);
}

void *malloc(size_t size)
{
	return counted(__libc_malloc(size), size);
}

void *calloc(size_t count, size_t size)
{
	return counted(__libc_calloc(count, size), count * size);
}

void free(void *block)
{
	count_free(block);
	__libc_free(block);
}

void *realloc(void *block, size_t size)
{
	void *moved = __libc_realloc(block, size);
	if (moved || size == 0)
		count_free(block);
	return counted(moved, size);
}

void *reallocarray(void *block, size_t count, size_t size)
{
	size_t product;
	if (__builtin_mul_overflow(count, size, &product)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(block, product);
}

void *memalign(size_t alignment, size_t size)
{
	return counted(__libc_memalign(alignment, size), size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
	if (alignment < sizeof(void *) || (alignment & (alignment - 1)))
		return EINVAL;
	int saved = errno;
	void *made = memalign(alignment, size);
	errno = saved;
	if (!made)
		return ENOMEM;
	*block = made;
	return 0;
}

void *valloc(size_t size)
{
	return memalign(4096, size);
}

__attribute__((destructor)) static void end(void)
{
	const char *out = getenv("COUNT_OUT");
	char path[4096];
	if (!out)
		return;
	snprintf(path, sizeof(path), "%s.%d", out, (int)getpid());
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0)
		return;
	dprintf(fd, "%lu %lu %lu\n", atomic_load(&num_objects), atomic_load(&num_bytes), atomic_load(&num_frees));
	close(fd);
}
