// SPDX-License-Identifier: Apache-2.0
// Tools: functions of the C library that need memory for a while, or once.  Leaks nothing.
#include <fcntl.h>
#include <glob.h>
#include <regex.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <wordexp.h>

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, 8);
}

int main(void)
{
	static char elements[5000][64];
	regex_t regex;
	glob_t paths;
	wordexp_t words;
	for (int i = 0; i < 5000; i++)
		snprintf(elements[i], 64, "%08d", (i * 7919) % 5000);
	qsort(elements, 5000, 64, compare);
	if (regcomp(&regex, "(a|b)+c*", REG_EXTENDED) == 0) {
		regexec(&regex, "aaabbbccc", 0, NULL, 0);
		regfree(&regex);
	}
	if (glob("/etc/*", 0, NULL, &paths) == 0)
		globfree(&paths);
	if (wordexp("~ $HOME", &words, WRDE_NOCMD) == 0)
		wordfree(&words);
	if (hcreate(100))
		hdestroy();
	openlog("cairn-example", 0, LOG_USER);
	syslog(LOG_DEBUG, "%s", "an example");
	closelog();
	FILE *temporary = tmpfile();
	if (temporary)
		fclose(temporary);
	free(realpath(".", NULL));
	return 0;
}
