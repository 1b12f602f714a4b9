// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzzer: a Go table that lies is refused, or says something of the code, and points to nothing beyond the file.
 *
 * The input is the file.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "symbolize/elf_image.h"
#include "symbolize/go_table.h"

static volatile size_t total;

static void find_all(const struct go_table *table, const struct elf_segment *segment)
{
	static struct line lines[LINE_MAX_CALLS];
	for (uint64_t at = 0; at < segment->size_bytes && at < 0x4000; at += 29) {
		size_t num = go_table_find(table, segment->address + at, lines);
		for (size_t i = 0; i < num; i++)
			total += strlen(lines[i].function) + strlen(lines[i].file);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t num_bytes)
{
	struct elf_image image;
	elf_version(EV_CURRENT);
	uint8_t *bytes = malloc(num_bytes + 1); // libelf takes what it may write to
	if (num_bytes)
		memcpy(bytes, input, num_bytes);
	Elf *elf = elf_memory((char *)bytes, num_bytes);
	struct go_table *table = elf ? go_table_create(elf) : NULL;
	if (table && elf_image_init(&image, elf))
		for (size_t i = 0; i < image.num_segments; i++)
			find_all(table, &image.segments[i]);
	go_table_destroy(table);
	elf_end(elf);
	free(bytes);
	return 0;
}
