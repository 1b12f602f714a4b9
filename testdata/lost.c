// SPDX-License-Identifier: Apache-2.0
/*
 * Loses memory as its arguments say, one after another:
 *
 *   lose BYTES   a block, of 8 or more as the others, to which nothing points
 *   chain BYTES  the same, and it points to another of that size
 *   keep BYTES   a block to which a static variable points, or another such block
 *   drop BYTES   a block that it frees
 *   child        the rest of the arguments in a child, whose status is not looked at
 *   ready        say so, and wait for a line
 *   status N     end with this
 *   signal N     end by this
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NEVER_INLINE __attribute__((noinline))

static void *kept;

NEVER_INLINE static void *get(size_t size)
{
	void *volatile block = calloc(1, size);
	return block;
}

#define CLEAR(number) "pxor %%xmm" #number ", %%xmm" #number "\n\t"

// Where the pointers to what is lost were: on the stack, and in registers that nobody has written since.
NEVER_INLINE static void forget(void)
{
	volatile char stack[65536];
	for (size_t i = 0; i < sizeof(stack); i++)
		stack[i] = 0;
	__asm__ volatile(CLEAR(0) CLEAR(1) CLEAR(2) CLEAR(3) CLEAR(4) CLEAR(5) CLEAR(6) CLEAR(7) CLEAR(8) CLEAR(9) CLEAR(10) CLEAR(11)
			 CLEAR(12) CLEAR(13) CLEAR(14) CLEAR(15) "xor %%ecx, %%ecx\n\txor %%edx, %%edx\n\txor %%esi, %%esi\n\t"
			 "xor %%edi, %%edi\n\txor %%r8d, %%r8d\n\txor %%r9d, %%r9d\n\txor %%r10d, %%r10d\n\txor %%r11d, %%r11d"
			 ::: "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory");
}

NEVER_INLINE static void lose(size_t size)
{
	memset(get(size), 1, size);
}

NEVER_INLINE static void chain(size_t size)
{
	void **first = get(size);
	*first = get(size);
}

NEVER_INLINE static void keep(size_t size)
{
	void **block = get(size);
	*block = kept;
	kept = block;
}

NEVER_INLINE static void drop(size_t size)
{
	free(get(size));
}

static void wait_for_line(void)
{
	char line[2];
	if (write(STDOUT_FILENO, "ready\n", 6) == 6 && read(STDIN_FILENO, line, 1) < 0)
		exit(9);
}

static void end_with(size_t status)
{
	exit((int)status);
}

static void end_by(size_t number)
{
	raise((int)number);
}

static const struct {
	const char *word;
	void (*function)(size_t number);
} actions[] = { { "lose", lose }, { "chain", chain }, { "keep", keep }, { "drop", drop }, { "status", end_with }, { "signal", end_by } };

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "child") == 0 && fork() != 0)
			return wait(NULL) < 0;
		if (strcmp(argv[i], "ready") == 0)
			wait_for_line();
		for (size_t j = 0; j < sizeof(actions) / sizeof(actions[0]) && i + 1 < argc; j++)
			if (strcmp(argv[i], actions[j].word) == 0)
				actions[j].function(strtoul(argv[i + 1], NULL, 10));
		forget();
	}
	return 0;
}
