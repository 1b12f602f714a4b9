// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzzer: what surrounds libdw in the lookup of addresses, in this process; and what a lookup that went astray answers.
 *
 * The input is an ELF file or, if its first byte says that it is none, the bytes of an answer.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "symbolize/dwarf_answers.h"
#include "symbolize/dwarf_lookup.h"

#define NUM_ADDRESSES 512

static volatile size_t seen;

static void take_answers(const uint8_t *bytes, size_t num_bytes)
{
	struct dwarf_answer answers[NUM_ADDRESSES] = { 0 };
	struct strings strings;
	strings_init(&strings);
	dwarf_answers_read(bytes, num_bytes, &strings, NUM_ADDRESSES, answers);
	for (size_t i = 0; i < NUM_ADDRESSES; i++) {
		for (size_t j = 0; j < answers[i].num_lines; j++)
			seen += strlen(answers[i].lines[j].function) + strlen(answers[i].lines[j].file);
		free(answers[i].lines);
	}
	strings_deinit(&strings);
}

static void look_up(const struct elf_file *file)
{
	const struct elf_file none = { 0 };
	const struct symbols_search search = { .root = "" };
	uint64_t addresses[NUM_ADDRESSES];
	char *bytes = NULL;
	size_t num_bytes = 0;
	FILE *stream = open_memstream(&bytes, &num_bytes);
	struct dwarf_answers answers;
	for (size_t i = 0; i < NUM_ADDRESSES; i++)
		addresses[i] = 0x100 + i;
	dwarf_answers_init(&answers, stream);
	dwarf_lookup(&(struct dwarf_question){ file, &none, file, &search, addresses, NUM_ADDRESSES }, &answers);
	dwarf_answers_deinit(&answers);
	fclose(stream);
	take_answers((uint8_t *)bytes, num_bytes);
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t num_bytes)
{
	struct error error;
	struct elf_file file;
	char path[40];
	if (num_bytes && input[0] != ELFMAG0) {
		take_answers(input, num_bytes);
		return 0;
	}
	int fd = memfd_create("file", MFD_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (write(fd, input, num_bytes) == (ssize_t)num_bytes && elf_file_open(&file, path, &error)) {
		look_up(&file);
		elf_file_close(&file);
	}
	close(fd);
	return 0;
}
