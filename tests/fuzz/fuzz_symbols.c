// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzzer: a program or debug information that somebody has damaged, or made to do harm, says nothing or something, but
 * does no harm.
 *
 * The input is 4 bytes, the size of the program, then the program and another file, which is found as each of those
 * that may belong to it: its .dwp file, /x.dwo of split DWARF, and what dwz has put into "shared".  All offsets at which
 * the program has bytes are asked, some by themselves.
 *
 * The corpus is of programs without libraries, some 60 lines by gcc and clang with -gdwarf-4 and -gdwarf-5, plain, with
 * -gz, -gsplit-dwarf, llvm-dwp and dwz -m.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "symbolize/symbols.h"

#define MAX_OFFSETS 4096

static char directory[] = "/tmp/fuzz_symbols.XXXXXX";
static int program, other;
static volatile size_t seen; // what was found, so that reading is not optimised away

static void must(int condition, const char *what)
{
	if (!condition) {
		perror(what);
		abort();
	}
}

static void link_to(int fd, const char *name)
{
	char path[100], target[40];
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	snprintf(target, sizeof(target), "/proc/self/fd/%d", fd);
	must(symlink(target, path) == 0, "symlink");
}

static void clean_up(void)
{
	static const char *const names[] = { "program", "program.dwp", "x.dwo", "shared" };
	char path[100];
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
		unlink(path);
	}
	rmdir(directory);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	program = memfd_create("program", MFD_CLOEXEC);
	other = memfd_create("other", MFD_CLOEXEC);
	must(program >= 0 && other >= 0 && mkdtemp(directory) != NULL, "a place for files");
	link_to(program, "program");
	link_to(other, "program.dwp");
	link_to(other, "x.dwo");
	link_to(other, "shared");
	atexit(clean_up);
	unsetenv("DEBUGINFOD_URLS");
	return 0;
}

static void write_file(int fd, const uint8_t *bytes, size_t num_bytes)
{
	must(ftruncate(fd, 0) == 0 && pwrite(fd, bytes, num_bytes, 0) == (ssize_t)num_bytes, "write");
}

static void use_lines(const struct line *lines, size_t num_lines)
{
	must(num_lines <= LINE_MAX_CALLS, "too many lines");
	for (size_t i = 0; i < num_lines; i++) {
		must(lines[i].line >= 0 && lines[i].column >= 0 && lines[i].start_line >= 0, "a line below 0");
		seen += strlen(lines[i].function) + strlen(lines[i].file);
	}
}

static void ask(struct symbols *symbols, size_t size_bytes)
{
	static uint64_t offsets[MAX_OFFSETS];
	static struct line lines[LINE_MAX_CALLS];
	size_t num_offsets = size_bytes < MAX_OFFSETS ? size_bytes : MAX_OFFSETS;
	for (size_t i = 0; i < num_offsets; i++)
		offsets[i] = i * (size_bytes / num_offsets);
	if (num_offsets % 2)
		use_lines(lines, symbols_find_lines(symbols, offsets[num_offsets / 2], lines));
	struct error error;
	symbols_prepare(symbols, offsets, num_offsets, &error);
	for (size_t i = 0; i < num_offsets; i++) {
		use_lines(lines, symbols_find_lines(symbols, offsets[i], lines));
		const char *name = symbols_find(symbols, offsets[i]);
		seen += name ? strlen(name) : 0;
	}
	seen += symbols_has_lines(symbols);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t num_bytes)
{
	const struct symbols_search search = { .root = directory };
	char path[100];
	struct error error;
	uint32_t size_bytes;
	if (num_bytes < sizeof(size_bytes))
		return 0;
	memcpy(&size_bytes, bytes, sizeof(size_bytes));
	bytes += sizeof(size_bytes);
	num_bytes -= sizeof(size_bytes);
	size_bytes = size_bytes < num_bytes ? size_bytes : (uint32_t)num_bytes;
	write_file(program, bytes, size_bytes);
	write_file(other, bytes + size_bytes, num_bytes - size_bytes);
	snprintf(path, sizeof(path), "%s/program", directory);
	struct symbols *symbols = symbols_open(path, NULL, &search, size_bytes % 4 ? SYMBOLS_LINES : SYMBOLS_NAMES, &error);
	if (symbols)
		ask(symbols, size_bytes);
	symbols_close(symbols);
	return 0;
}
