// SPDX-License-Identifier: Apache-2.0
// Module: what plugins.c loads; its thread-local storage is not part of what threads begin with.
static __thread char storage[3000];

char *module_get(void);
char *module_get(void)
{
	storage[5]++;
	return storage;
}
