// SPDX-License-Identifier: Apache-2.0
/*
 * Handlers: memory that is freed by what runs at the end of a process is no leak: an exit handler, a destructor function, both
 * at once with a block that the exit handler itself forgets.
 *
 * usage: handlers exit|destructor|forgets
 */
#include "loss.h"

#include <stdlib.h>
#include <string.h>

static void *volatile kept, *volatile kept_longer;

static void free_kept(void)
{
	free(kept);
	kept = NULL;
}

static void __attribute__((destructor)) free_kept_longer(void)
{
	free(kept_longer);
	kept_longer = NULL;
}

SITE static void handlers_forget(void)
{
	truth_keep(calloc(1, 250));
}

static void forget(void)
{
	handlers_forget();
	loss_scrub();
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "exit";
	if (!strcmp(kind, "destructor")) {
		kept_longer = calloc(1, 150);
	} else {
		kept = calloc(1, 150);
		atexit(free_kept);
	}
	if (!strcmp(kind, "forgets")) {
		atexit(forget);
		loss_tell("definite", 250, 1);
	}
	return 0;
}
