// SPDX-License-Identifier: Apache-2.0
// Library: where libcairn.so is.  OUTSIDE.
#include "cli/library.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/installed.h"

#define NAME "libcairn.so"

bool library_find(char path[PATH_MAX], struct error *error)
{
	// In a build directory; beside the program; installed; installed and moved as a whole.
	static const char *const places[] = { "../" NAME, NAME, INSTALLED_FROM_PROGRAM "/" NAME, "../lib/" NAME };
	char own[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);
	own[length > 0 ? length : 0] = 0;
	char *end = strrchr(own, '/');
	if (!end)
		return error_set(error, "/proc/self/exe: cannot be read: %s", strerror(errno));
	end[1] = 0;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (snprintf(path, PATH_MAX, "%s%s", own, places[i]) < PATH_MAX && access(path, R_OK) == 0) {
			char *plain = realpath(path, NULL);
			if (plain && snprintf(path, PATH_MAX, "%s", plain) < PATH_MAX) {
				free(plain);
				return true;
			}
			free(plain);
		}
	return error_set(error, NAME ": is neither beside this program (%s) nor in " INSTALLED_LIBRARY_DIRECTORY, own);
}

bool library_make_plain(char path[PATH_MAX], const char *directory, bool *is_linked, struct error *error)
{
	char link[PATH_MAX];
	*is_linked = false;
	if (!strpbrk(path, " :"))
		return true;
	if (strpbrk(directory, " :"))
		return error_set(error, "%s: LD_PRELOAD cannot name it (a space or colon), nor a link in %s", path, directory);
	if (snprintf(link, sizeof(link), "%s/" NAME, directory) >= (int)sizeof(link) || symlink(path, link) != 0)
		return error_set(error, "%s: no link to it could be made in %s: %s", path, directory, strerror(errno));
	strcpy(path, link);
	*is_linked = true;
	return true;
}
