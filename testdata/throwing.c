// SPDX-License-Identifier: Apache-2.0
/*
 * A program in C that opens a C++ plugin (the argument) which throws.  Prints what is visible of an
 * unwinder in the program's own scope: what was loaded must not show there.
 */
#include "truth.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static struct truth truth = {.function = "throwing_allocate"};

static void print_owner(const char *symbol)
{
	Dl_info info;
	void *address = dlsym(RTLD_DEFAULT, symbol);
	const char *owner = address && dladdr(address, &info) ? strrchr(info.dli_fname, '/') : NULL;
	dprintf(STDOUT_FILENO, "%s: %s\n", symbol, owner ? owner + 1 : "none");
}

int main(int argc, char **argv)
{
	print_owner("_Unwind_RaiseException");
	print_owner("_Unwind_Backtrace");
	print_owner("unw_backtrace");
	print_owner("backtrace");
	print_owner("deflate");
	print_owner("protobuf_c_message_pack");
	void *plugin = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
	if (!plugin) {
		dprintf(STDOUT_FILENO, "%s\n", dlerror());
		return 2;
	}
	int (*run)(int) = (int (*)(int))dlsym(plugin, "throwing_run");
	void *(*allocate)(size_t) = (void *(*)(size_t))dlsym(plugin, "throwing_allocate");
	dprintf(STDOUT_FILENO, "caught and destroyed: %d\n", run(50));
	for (int i = 0; i < 7; i++) {
		allocate(500);
		truth_add(&truth, 500);
	}
	dprintf(STDOUT_FILENO, "caught and destroyed: %d\n", run(5));
	truth_print(&truth);
	return 0;
}
