// SPDX-License-Identifier: Apache-2.0
/*
 * Calls every allocation function of C, each from a function of its own, in the ordinary ways and in
 * the odd ones (zero bytes, overflow, bad alignment, failure).  Prints a log of how each call behaved,
 * which must be the same with and without cairn, and then the truth per function.
 *
 * What realloc(p, 0) and malloc(0) do differs between allocators, so it is observed, not assumed.
 * jemalloc has no pvalloc, so libc's blocks would reach its free: "without-pvalloc" leaves it out.
 */
#include "truth.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SITES(X)                                                                                    \
	X(call_malloc) X(call_malloc_zero) X(call_malloc_huge) X(call_calloc) X(call_calloc_zero)     \
	X(call_calloc_overflow) X(call_realloc_null) X(call_realloc_grow) X(call_realloc_shrink)      \
	X(call_realloc_zero) X(call_realloc_huge) X(call_reallocarray) X(call_reallocarray_overflow)  \
	X(call_posix_memalign) X(call_posix_memalign_bad) X(call_aligned_alloc) X(call_memalign)      \
	X(call_valloc) X(call_pvalloc)

enum site {
#define X(name) SITE_##name,
	SITES(X)
#undef X
	NUM_SITES
};

static struct truth truths[] = {
#define X(name) {.function = #name},
	SITES(X)
#undef X
};

struct block {
	char *address; // NULL: no block
	size_t size;
	enum site site;
};

// Sizes that the compiler must not see through, or it warns about the very mistakes that are meant.
static volatile size_t huge = (size_t)PTRDIFF_MAX - 4096;
static volatile size_t zero = 0;

// What malloc owes a block of this size.  Some allocators align blocks of 8 bytes and less to 8.
static size_t natural_alignment(size_t size)
{
	return size >= 16 ? 16 : size >= 8 ? 8 : 1;
}

// Marks errno before a call, so that the log shows whether the call left it alone.
static void arm(void)
{
	errno = EDOM;
}

static const char *errno_name(void)
{
	return errno == EDOM ? "untouched" : strerrorname_np(errno);
}

static void log_call(const char *call, const void *address, size_t size, size_t alignment)
{
	const char *error = errno_name();
	if (!address) {
		dprintf(STDOUT_FILENO, "%s(%zu): NULL, errno %s\n", call, size, error);
		return;
	}
	size_t usable = malloc_usable_size((void *)address);
	dprintf(STDOUT_FILENO, "%s(%zu): block, errno %s, alignment %s, usable size %s\n", call, size, error,
	        (uintptr_t)address % alignment ? "BAD" : "good", usable >= size ? "good" : "BAD");
}

static struct block block_of(enum site site, void *address, size_t size)
{
	if (address)
		truth_add(&truths[site], size);
	return (struct block){.address = address, .size = address ? size : 0, .site = site};
}

// Every byte that malloc_usable_size grants belongs to the program.
static void fill(struct block block)
{
	if (block.address)
		memset(block.address, 0x5a, malloc_usable_size(block.address));
}

static void forget(struct block *block)
{
	if (block->address)
		truth_remove(&truths[block->site], block->size);
	block->address = NULL;
}

static void free_block(struct block *block)
{
	arm();
	free(block->address);
	if (errno != EDOM)
		dprintf(STDOUT_FILENO, "free: errno %s\n", errno_name());
	forget(block);
}

SITE static struct block call_malloc(size_t size)
{
	arm();
	void *address = truth_keep(malloc(size));
	log_call("malloc", address, size, natural_alignment(size));
	return block_of(SITE_call_malloc, address, size);
}

SITE static struct block call_malloc_zero(void)
{
	arm();
	void *address = truth_keep(malloc(zero));
	log_call("malloc", address, 0, 1);
	return block_of(SITE_call_malloc_zero, address, 0);
}

SITE static struct block call_malloc_huge(void)
{
	arm();
	void *address = truth_keep(malloc(huge));
	log_call("malloc", address, huge, 1);
	return block_of(SITE_call_malloc_huge, address, huge);
}

SITE static struct block call_calloc(size_t count, size_t size)
{
	arm();
	char *address = truth_keep(calloc(count, size));
	log_call("calloc", address, count * size, natural_alignment(count * size));
	for (size_t i = 0; i < count * size; i++) {
		if (address[i]) {
			dprintf(STDOUT_FILENO, "calloc: byte %zu is not zero\n", i);
			break;
		}
	}
	return block_of(SITE_call_calloc, address, count * size);
}

SITE static struct block call_calloc_zero(size_t count, size_t size)
{
	arm();
	void *address = truth_keep(calloc(count, size));
	log_call("calloc", address, 0, 1);
	return block_of(SITE_call_calloc_zero, address, 0);
}

SITE static struct block call_calloc_overflow(void)
{
	arm();
	void *address = truth_keep(calloc(huge, 16));
	log_call("calloc overflow", address, 0, 1);
	return block_of(SITE_call_calloc_overflow, address, 0);
}

// A realloc to another size that must succeed: the old block is gone, the new one is this function's.
static struct block moved(enum site site, struct block old, void *address, size_t size)
{
	forget(&old);
	return block_of(site, address, size);
}

SITE static struct block call_realloc_null(size_t size)
{
	arm();
	void *address = truth_keep(realloc(NULL, size));
	log_call("realloc NULL", address, size, natural_alignment(size));
	return block_of(SITE_call_realloc_null, address, size);
}

SITE static struct block call_realloc_grow(struct block old, size_t size)
{
	arm();
	char *address = truth_keep(realloc(old.address, size));
	log_call("realloc", address, size, natural_alignment(size));
	dprintf(STDOUT_FILENO, "realloc: contents %s\n", address[0] == 0x5a && address[old.size - 1] == 0x5a ? "kept" : "LOST");
	return moved(SITE_call_realloc_grow, old, address, size);
}

SITE static struct block call_realloc_shrink(struct block old, size_t size)
{
	arm();
	char *address = truth_keep(realloc(old.address, size));
	log_call("realloc", address, size, natural_alignment(size));
	dprintf(STDOUT_FILENO, "realloc: contents %s\n", address[0] == 0x5a && address[size - 1] == 0x5a ? "kept" : "LOST");
	return moved(SITE_call_realloc_shrink, old, address, size);
}

// NULL: the old block was freed.  Otherwise there is a new block of no bytes.
SITE static struct block call_realloc_zero(struct block old)
{
	arm();
	void *address = truth_keep(realloc(old.address, zero));
	log_call("realloc", address, 0, 1);
	return moved(SITE_call_realloc_zero, old, address, 0);
}

// Fails, so the old block stays as it was, and stays the old function's.
SITE static void call_realloc_huge(struct block *old)
{
	arm();
	void *address = truth_keep(realloc(old->address, huge));
	log_call("realloc", address, huge, 1);
	dprintf(STDOUT_FILENO, "realloc: contents %s\n", old->address[old->size - 1] == 0x5a ? "kept" : "LOST");
}

SITE static struct block call_reallocarray(struct block old, size_t count, size_t size)
{
	arm();
	void *address = truth_keep(reallocarray(old.address, count, size));
	log_call("reallocarray", address, count * size, natural_alignment(count * size));
	return moved(SITE_call_reallocarray, old, address, count * size);
}

SITE static void call_reallocarray_overflow(struct block *old)
{
	arm();
	void *address = truth_keep(reallocarray(old->address, huge, 16));
	log_call("reallocarray overflow", address, 0, 1);
	dprintf(STDOUT_FILENO, "reallocarray: contents %s\n", old->address[0] == 0x5a ? "kept" : "LOST");
}

SITE static struct block call_posix_memalign(size_t alignment, size_t size)
{
	void *address = NULL;
	arm();
	int error = posix_memalign(&address, alignment, size);
	address = truth_keep(address);
	dprintf(STDOUT_FILENO, "posix_memalign %zu: result %d\n", alignment, error);
	log_call("posix_memalign", address, size, alignment);
	return block_of(SITE_call_posix_memalign, address, size);
}

// Alignments that are no power of two, too small, or with a size that cannot be had.
SITE static void call_posix_memalign_bad(size_t alignment, size_t size)
{
	char untouched;
	void *address = &untouched;
	arm();
	int error = posix_memalign(&address, alignment, size);
	dprintf(STDOUT_FILENO, "posix_memalign %zu: result %s, pointer %s, errno %s\n", alignment,
	        strerrorname_np(error), address == &untouched ? "untouched" : "CHANGED", errno_name());
}

SITE static struct block call_aligned_alloc(size_t alignment, size_t size)
{
	arm();
	void *address = truth_keep(aligned_alloc(alignment, size));
	log_call("aligned_alloc", address, size, alignment);
	return block_of(SITE_call_aligned_alloc, address, size);
}

SITE static struct block call_memalign(size_t alignment, size_t size)
{
	arm();
	void *address = truth_keep(memalign(alignment, size));
	log_call("memalign", address, size, alignment);
	return block_of(SITE_call_memalign, address, size);
}

SITE static struct block call_valloc(size_t size)
{
	arm();
	void *address = truth_keep(valloc(size));
	log_call("valloc", address, size, 4096);
	return block_of(SITE_call_valloc, address, size);
}

SITE static struct block call_pvalloc(size_t size)
{
	arm();
	void *address = truth_keep(pvalloc(size));
	log_call("pvalloc", address, size, 4096);
	return block_of(SITE_call_pvalloc, address, size);
}

// C23's frees are newer than the libc that is here: used where they are found.
static void free_sized_if_any(struct block *block)
{
	void (*function)(void *, size_t) = (void (*)(void *, size_t))dlsym(RTLD_DEFAULT, "free_sized");
	if (!function) {
		free_block(block);
		return;
	}
	function(block->address, block->size);
	forget(block);
}

static void free_aligned_sized_if_any(struct block *block, size_t alignment)
{
	void (*function)(void *, size_t, size_t) =
		(void (*)(void *, size_t, size_t))dlsym(RTLD_DEFAULT, "free_aligned_sized");
	if (!function) {
		free_block(block);
		return;
	}
	function(block->address, alignment, block->size);
	forget(block);
}

static void use_malloc(void)
{
	static const size_t sizes[] = {1, 7, 24, 25, 100, 1000, 4095, 4096, 100000, 1000000, 40000000};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct block kept = call_malloc(sizes[i]);
		struct block freed = call_malloc(sizes[i]);
		fill(kept);
		fill(freed);
		free_block(&freed);
	}
	struct block kept = call_malloc_zero();
	struct block freed = call_malloc_zero();
	dprintf(STDOUT_FILENO, "malloc(0): %s\n", kept.address && kept.address == freed.address ? "SHARED" : "distinct");
	free_block(&freed);
	call_malloc_huge();
	free(NULL);
	struct block sized = call_malloc(333);
	free_sized_if_any(&sized);
}

static void use_calloc(void)
{
	call_calloc(3, 7);
	call_calloc(1000, 1000);
	struct block freed = call_calloc(10, 10);
	fill(freed);
	free_block(&freed);
	freed = call_calloc(5, 20); // likely the block just filled: it must come back zeroed
	free_block(&freed);
	call_calloc_zero(zero, 8);
	freed = call_calloc_zero(8, zero);
	free_block(&freed);
	call_calloc_overflow();
}

static void use_realloc(void)
{
	struct block block = call_realloc_null(10);
	fill(block);
	for (size_t size = 20; size < 3000000; size = size * 3 + 1) {
		block = call_realloc_grow(block, size);
		fill(block);
	}
	block = call_realloc_shrink(block, 77);
	call_realloc_huge(&block);
	block = call_realloc_shrink(block, 5);

	struct block zeroed = call_malloc(64);
	zeroed = call_realloc_zero(zeroed);
	if (zeroed.address)
		zeroed = call_realloc_zero(zeroed);

	struct block same = call_malloc(50);
	fill(same);
	same = call_realloc_grow(same, 50);
	fill(same);
	same = call_reallocarray(same, 11, 13);
	fill(same);
	call_reallocarray_overflow(&same);
	struct block freed = call_reallocarray((struct block){0}, 5, 5);
	free_block(&freed);
}

static void use_aligned(void)
{
	struct block block;
	for (size_t alignment = 8; alignment <= 65536; alignment *= 2) {
		block = call_posix_memalign(alignment, alignment + 3);
		fill(block);
	}
	free_block(&block);
	call_posix_memalign_bad(0, 10);
	call_posix_memalign_bad(3, 10);
	call_posix_memalign_bad(4, 10);
	call_posix_memalign_bad(24, 10);
	call_posix_memalign_bad(64, huge);
	block = call_aligned_alloc(32, 320);
	fill(block);
	block = call_aligned_alloc(4096, 8192);
	free_aligned_sized_if_any(&block, 4096);
	block = call_memalign(256, 999);
	fill(block);
	block = call_memalign(16, 111);
	free_block(&block);
	block = call_valloc(5000);
	fill(block);
	block = call_valloc(100);
	free_block(&block);
}

static void use_pvalloc(void)
{
	struct block block = call_pvalloc(5000);
	fill(block);
	block = call_pvalloc(1);
	free_block(&block);
}

int main(int argc, char **argv)
{
	free(truth_keep(malloc(1))); // the allocator's own start may touch errno
	use_malloc();
	use_calloc();
	use_realloc();
	use_aligned();
	if (argc < 2 || strcmp(argv[1], "without-pvalloc"))
		use_pvalloc();
	for (int i = 0; i < NUM_SITES; i++)
		truth_print(&truths[i]);
	return 0;
}
