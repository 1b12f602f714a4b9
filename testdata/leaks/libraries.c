// SPDX-License-Identifier: Apache-2.0
/*
 * Libraries: a block that only a loaded library points to, in .data, .bss or thread-local storage, is reachable; it is lost when
 * the library was unloaded.
 *
 * usage: libraries data|bss|thread|unloaded
 */
#include "loss.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 700 };

SITE static void libraries_keep(void *library, const char *where)
{
	void (*keep)(const char *, void *) = (void (*)(const char *, void *))dlsym(library, "keeper_keep");
	keep(where, calloc(1, SIZE));
}

int main(int argc, char **argv)
{
	const char *where = argc > 1 ? argv[1] : "data";
	void *library = dlopen("keeper.so", RTLD_NOW);
	if (!library)
		return 3;
	int is_unloaded = !strcmp(where, "unloaded");
	libraries_keep(library, is_unloaded ? "data" : where);
	if (is_unloaded)
		dlclose(library);
	loss_scrub();
	loss_tell(is_unloaded ? "definite" : "reachable", SIZE, 1);
	return 0;
}
