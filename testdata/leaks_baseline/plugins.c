// SPDX-License-Identifier: Apache-2.0
// Plugins: libraries that are loaded and stay, whose thread-local storage several threads use.  The directory of module.so is
// the first argument.  Leaks nothing.
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static char *(*get)(void);
static int pipes[2];

static void *use(void *forever)
{
	get();
	if (write(pipes[1], "", 1) != 1)
		return NULL;
	while (forever)
		pause();
	return NULL;
}

int main(int argc, char **argv)
{
	char path[4096], byte;
	pthread_t thread;
	snprintf(path, sizeof(path), "%s/module.so", argc > 1 ? argv[1] : ".");
	void *module = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
	get = module ? (char *(*)(void))dlsym(module, "module_get") : NULL;
	if (!get || pipe(pipes) != 0)
		return 1;
	get();
	for (int i = 0; i < 4; i++) {
		pthread_create(&thread, NULL, use, i % 2 ? &thread : NULL);
		if (i % 2 == 0)
			pthread_join(thread, NULL);
		if (read(pipes[0], &byte, 1) != 1)
			return 1;
	}
	dlopen("libm.so.6", RTLD_LAZY);
	void *space = dlmopen(LM_ID_NEWLM, "libm.so.6", RTLD_LAZY);
	if (space)
		dlclose(space);
	void *again = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
	if (again)
		dlclose(again);
	return 0;
}
