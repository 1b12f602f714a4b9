// SPDX-License-Identifier: Apache-2.0
/*
 * Mappings: blocks that only memory from mmap() points to: private, shared, of a file, or written and then made read-only.
 * They are reachable; when the memory was unmapped they are lost.
 *
 * usage: mappings private|shared|file|readonly|unmapped
 */
#include "loss.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { SIZE = 900, MAPPED = 64 << 10 };

SITE static void *mappings_map(const char *kind)
{
	int fd = -1, flags = MAP_PRIVATE | MAP_ANONYMOUS;
	if (!strcmp(kind, "shared"))
		flags = MAP_SHARED | MAP_ANONYMOUS;
	if (!strcmp(kind, "file")) {
		flags = MAP_SHARED;
		fd = memfd_create("mappings", 0);
		if (ftruncate(fd, MAPPED))
			exit(3);
	}
	return mmap(NULL, MAPPED, PROT_READ | PROT_WRITE, flags, fd, 0);
}

SITE static void mappings_keep(const char *kind)
{
	void **mapped = (void **)mappings_map(kind);
	if (mapped == MAP_FAILED)
		exit(4);
	mapped[1000] = calloc(1, SIZE);
	if (!strcmp(kind, "readonly"))
		mprotect(mapped, MAPPED, PROT_READ);
	if (!strcmp(kind, "unmapped"))
		munmap(mapped, MAPPED);
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "private";
	mappings_keep(kind);
	loss_scrub();
	loss_tell(strcmp(kind, "unmapped") ? "reachable" : "definite", SIZE, 1);
	return 0;
}
