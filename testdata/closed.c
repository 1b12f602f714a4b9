// SPDX-License-Identifier: Apache-2.0
/*
 * Opens each plugin that the arguments name, has it allocate, and closes it, so that at the end none is
 * mapped: the second may well come to lie where the first lay.
 */
#include "truth.h"

#include <dlfcn.h>
#include <stdlib.h>

SITE static int use_plugin(const char *path)
{
	void *plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!plugin) {
		dprintf(STDOUT_FILENO, "cannot open a plugin\n");
		return 2;
	}
	void *(*run)(size_t) = (void *(*)(size_t))dlsym(plugin, "plugin_run");
	for (int i = 0; i < 10; i++) {
		void *block = run(1000);
		if (i % 2)
			free(block);
	}
	dlclose(plugin);
	dprintf(STDOUT_FILENO, "plugin is %s\n", dlopen(path, RTLD_NOW | RTLD_NOLOAD) ? "STILL OPEN" : "closed");
	return 0;
}

int main(int argc, char **argv)
{
	int error = 0;
	for (int i = 1; i < argc; i++)
		error |= use_plugin(argv[i]);
	return error;
}
