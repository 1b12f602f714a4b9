// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzzer: stubs, relocations and symbols that lie give other names, or none.
 *
 * The input is the file.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "symbolize/plt.h"

static volatile size_t total;

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t num_bytes)
{
	elf_version(EV_CURRENT);
	uint8_t *bytes = malloc(num_bytes + 1); // libelf takes what it may write to
	if (num_bytes)
		memcpy(bytes, input, num_bytes);
	Elf *elf = elf_memory((char *)bytes, num_bytes);
	struct plt *plt = elf ? plt_create(elf) : NULL;
	for (uint64_t at = 0; plt && at < 0x4000; at += 8) {
		const char *name = plt_find(plt, at);
		total += name ? strlen(name) : 0;
	}
	plt_destroy(plt);
	elf_end(elf);
	free(bytes);
	return 0;
}
