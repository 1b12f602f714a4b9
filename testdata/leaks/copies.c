// SPDX-License-Identifier: Apache-2.0
/*
 * Copies: blocks that the C library allocates for its caller, who loses them: strdup(), asprintf(), getline().
 */
#include "loss.h"

#include <stdlib.h>
#include <string.h>

static char *volatile kept;

SITE static void copies_lose(void)
{
	char *line = NULL, *text = NULL;
	size_t size = 0;
	FILE *file = fopen("/proc/self/comm", "r");
	if (!file || getline(&line, &size, file) < 0)
		exit(3);
	fclose(file);
	truth_keep(strdup("a copy that is lost"));
	if (asprintf(&text, "%d bottles", 99) < 0)
		exit(4);
	kept = strdup("a copy that is kept");
	loss_tell("definite", size + 20 + 11, 3);
	loss_tell("reachable", 20, 1);
}

int main(void)
{
	copies_lose();
	loss_scrub();
	return 0;
}
