// SPDX-License-Identifier: Apache-2.0
/*
 * Many distinct call stacks for scripts/bench: what does a dump of them cost?
 *
 * usage: LD_PRELOAD=libcairn.so CAIRN_RATE=1 stacks FILE
 *
 * Allocates from 100,000 distinct stacks of 30 frames, keeps the blocks, writes a profile to FILE and
 * prints one line: distinct stacks, milliseconds of the dump, KiB by which it raised the peak of
 * resident memory.
 *
 * Other profilers dump as well if they are there instead: jemalloc to FILE, gperftools to where HEAPPROFILE
 * says.  They do not tell how many stacks there are: 0.
 *
 * The program's call tree is 26 levels of 16 functions, called from main (below which libc has three
 * frames of its own).  It branches 16-fold at every fifth level, so stacks share their callers as those
 * of a real program do, and have some 300 code addresses between them.
 */
#define _GNU_SOURCE
#include <cairn.h>
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NUM_STACKS 100000
#define NUM_DIGITS 5
#define BLOCK_BYTES 64

typedef void level_function(uint32_t path, uint32_t sum);

static void *blocks[NUM_STACKS];
static uint32_t num_blocks;

// Which of the 16 functions of a level the path takes.  Path is a number of five hexadecimal digits; a
// digit counts from the level where it is chosen to the level before the next choice.
static uint32_t choose(uint32_t path, uint32_t level)
{
	uint32_t digit = level < 2 ? 0 : (level - 2) / 5;
	return path >> (4 * (NUM_DIGITS - 1 - digit)) & 15;
}

// The sum makes each function's code differ from all others', else a compiler may fold them into one; the
// empty statement keeps the last call from becoming a jump.
#define FUNCTION(level, next, i)                                                                              \
	__attribute__((noinline)) static void level_##level##_##i(uint32_t path, uint32_t sum)                \
	{                                                                                                     \
		level_##next[choose(path, next)](path, sum + 16 * level + i);                                 \
		__asm__ volatile("");                                                                         \
	}
#define LEAF(level, next, i)                                                                                  \
	__attribute__((noinline)) static void level_##level##_##i(uint32_t path, uint32_t sum)                \
	{                                                                                                     \
		(void)path;                                                                                   \
		uint32_t *block = malloc(BLOCK_BYTES);                                                        \
		if (!block)                                                                                   \
			abort();                                                                              \
		*block = sum + 16 * level + i;                                                                \
		blocks[num_blocks++] = block;                                                                 \
	}
#define NAME(level, next, i) level_##level##_##i,
#define SIXTEEN(X, level, next)                                                                               \
	X(level, next, 0) X(level, next, 1) X(level, next, 2) X(level, next, 3)                               \
	X(level, next, 4) X(level, next, 5) X(level, next, 6) X(level, next, 7)                               \
	X(level, next, 8) X(level, next, 9) X(level, next, 10) X(level, next, 11)                             \
	X(level, next, 12) X(level, next, 13) X(level, next, 14) X(level, next, 15)
#define LEVEL(X, level, next)                                                                                 \
	SIXTEEN(X, level, next)                                                                               \
	static level_function *const level_##level[] = { SIXTEEN(NAME, level, next) };

LEVEL(LEAF, 25, 26)
LEVEL(FUNCTION, 24, 25)
LEVEL(FUNCTION, 23, 24)
LEVEL(FUNCTION, 22, 23)
LEVEL(FUNCTION, 21, 22)
LEVEL(FUNCTION, 20, 21)
LEVEL(FUNCTION, 19, 20)
LEVEL(FUNCTION, 18, 19)
LEVEL(FUNCTION, 17, 18)
LEVEL(FUNCTION, 16, 17)
LEVEL(FUNCTION, 15, 16)
LEVEL(FUNCTION, 14, 15)
LEVEL(FUNCTION, 13, 14)
LEVEL(FUNCTION, 12, 13)
LEVEL(FUNCTION, 11, 12)
LEVEL(FUNCTION, 10, 11)
LEVEL(FUNCTION, 9, 10)
LEVEL(FUNCTION, 8, 9)
LEVEL(FUNCTION, 7, 8)
LEVEL(FUNCTION, 6, 7)
LEVEL(FUNCTION, 5, 6)
LEVEL(FUNCTION, 4, 5)
LEVEL(FUNCTION, 3, 4)
LEVEL(FUNCTION, 2, 3)
LEVEL(FUNCTION, 1, 2)
LEVEL(FUNCTION, 0, 1)

// A field of /proc/self/status, in KiB.
static long read_status_kib(const char *field)
{
	char line[256];
	long kib = -1;
	FILE *file = fopen("/proc/self/status", "r");
	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, field, strlen(field)))
			kib = strtol(line + strlen(field), NULL, 10);
	if (file)
		fclose(file);
	return kib;
}

static void reset_peak(void)
{
	FILE *file = fopen("/proc/self/clear_refs", "w");
	if (!file || fputs("5", file) < 0 || fclose(file)) {
		perror("/proc/self/clear_refs");
		exit(1);
	}
}

static double now_ms(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static void *find(const char *name, void *function, size_t size_bytes)
{
	void *found = dlsym(RTLD_DEFAULT, name);
	memcpy(function, &found, size_bytes);
	return found;
}

// By whichever profiler there is; 0 for success.
static int dump(const char *path)
{
	void (*dump_gperftools)(const char *reason);
	int (*control_jemalloc)(const char *name, void *old, size_t *old_bytes, void *new, size_t new_bytes);
	int result = cairn_dump(path);
	if (result != CAIRN_NOT_LOADED)
		return result;
	if (find("mallctl", &control_jemalloc, sizeof(control_jemalloc)))
		return control_jemalloc("prof.dump", NULL, NULL, &path, sizeof(path));
	if (!find("HeapProfilerDump", &dump_gperftools, sizeof(dump_gperftools)))
		return result;
	dump_gperftools("measured");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s FILE\n", argv[0]);
		return 2;
	}
	for (uint32_t path = 0; path < NUM_STACKS; path++)
		level_0[choose(path, 0)](path, 0);

	reset_peak();
	long before_kib = read_status_kib("VmRSS:");
	double start_ms = now_ms();
	int result = dump(argv[1]);
	double elapsed_ms = now_ms() - start_ms;
	long peak_kib = read_status_kib("VmHWM:");
	if (result) {
		fprintf(stderr, "%s: the dump failed: %d\n", argv[0], result);
		return 1;
	}
	struct cairn_stats stats = { .size_bytes = sizeof(stats) };
	cairn_stats(&stats); // not before the dump: it looks at memory that the dump looks at
	printf("%llu %.1f %ld\n", (unsigned long long)stats.num_sites, elapsed_ms, peak_kib - before_kib);
	return 0;
}
