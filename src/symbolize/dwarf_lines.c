// SPDX-License-Identifier: Apache-2.0
// DWARF lines: asks a child process for them.  OUTSIDE.
#include "symbolize/dwarf_lines.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "profile/strings.h"
#include "symbolize/debug_files.h"
#include "symbolize/dwarf_answers.h"
#include "symbolize/dwarf_lookup.h"
#include "symbolize/dwarf_part.h"
#include "symbolize/isolation.h"

// Real files need 1 s and 100 MiB for each 100 MiB; compressed ones, and split ones with their parts, more.
#define MIN_PROCESSOR_S 5
#define BYTES_FOR_A_SECOND (UINT64_C(4) << 20)
#define MIN_MEMORY (UINT64_C(1) << 30)
#define MEMORY_FACTOR 8
#define MIN_ANSWER (UINT32_C(64) << 20)
#define ANSWER_FACTOR 8192 // for each address

struct dwarf_lines {
	struct elf_file *debug;
	struct elf_file shared; // not open: there is none
	struct elf_file package; // not open: there is none
	const struct symbols_search *search;
	struct strings strings;
};

static uint64_t get_size(const struct elf_file *file)
{
	struct stat status;
	return file->elf && fstat(file->fd, &status) == 0 ? (uint64_t)status.st_size : 0;
}

struct dwarf_lines *dwarf_lines_open(struct elf_file *debug, const char *program, const struct symbols_search *search)
{
	if (!elf_file_has_contents(debug, ".debug_info") && !elf_file_has_contents(debug, ".zdebug_info"))
		return NULL;
	struct dwarf_lines *lines = memory_get(1, sizeof(*lines));
	lines->debug = debug;
	lines->search = search;
	strings_init(&lines->strings);
	debug_files_find_shared(debug, search, &lines->shared);
	dwarf_part_find_package(program, &lines->package);
	return lines;
}

void dwarf_lines_close(struct dwarf_lines *lines)
{
	if (!lines)
		return;
	elf_file_close(&lines->package);
	elf_file_close(&lines->shared);
	strings_deinit(&lines->strings);
	free(lines);
}

static struct isolation_limits get_limits(const struct dwarf_lines *lines, size_t num_addresses)
{
	uint64_t size_bytes = get_size(lines->debug) + get_size(&lines->shared) + get_size(&lines->package);
	return (struct isolation_limits){
		.processor_s = MIN_PROCESSOR_S + size_bytes / BYTES_FOR_A_SECOND,
		.memory_bytes = MIN_MEMORY + MEMORY_FACTOR * size_bytes,
		.answer_bytes = MIN_ANSWER + ANSWER_FACTOR * num_addresses,
	};
}

static void work(void *context, FILE *file)
{
	struct dwarf_answers answers;
	dwarf_answers_init(&answers, file);
	dwarf_lookup(context, &answers);
	dwarf_answers_deinit(&answers);
}

bool dwarf_lines_find(struct dwarf_lines *lines, const uint64_t *addresses, size_t num_addresses, struct dwarf_answer *answers,
		      struct error *error)
{
	const struct isolation_limits limits = get_limits(lines, num_addresses);
	struct dwarf_question question = { lines->debug, &lines->shared, &lines->package, lines->search, addresses, num_addresses };
	struct isolation_answer answer;
	memset(answers, 0, num_addresses * sizeof(*answers));
	if (!isolation_run(work, &question, &limits, &answer, error))
		return error_prefix(error, "its debug information cannot be read");
	bool is_whole = dwarf_answers_read(answer.bytes, answer.num_bytes, &lines->strings, num_addresses, answers);
	free(answer.bytes);
	return is_whole || error_set(error, "its debug information cannot be read: the lookup went astray");
}
